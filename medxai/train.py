"""`python -m medxai.train TASK`: runs `medxai.networks.train_command`, or says what to install."""

from __future__ import annotations

from data_fetch.command_line import without


def main() -> int:
    """The command line; returns the exit status."""
    try:
        from .networks.train_command import main as run

        return run()  # TensorFlow is imported only here
    except ModuleNotFoundError as missing:
        raise SystemExit(without("labs", missing)) from None


if __name__ == "__main__":
    raise SystemExit(main())
