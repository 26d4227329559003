"""`python -m medxai.train TASK`: runs `medxai.networks.train_command`."""

from .networks.train_command import main

if __name__ == "__main__":
    raise SystemExit(main())
