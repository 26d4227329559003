"""What all tests share."""

from __future__ import annotations

import os
import pathlib
import signal

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Without bytecode each of the many processes that tests start would import TensorFlow in 10 s instead of 3.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# A shell that starts the tests in the background makes them, and all that they start, deaf to Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Kernels that tests start are those of this environment, whatever the user installed elsewhere.
os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
# Nothing stays warm between tests but where a test is about that.
os.environ["WARMKERNEL_KEEP"] = "0"
# What the person who runs the tests has set for the course must not decide what they test. Only the notebooks are
# also run in another profile, by `make test-gpu`, and ask for it with the fixture `profile_name`.
PROFILE = os.environ.pop("MEDXAI_PROFILE", "cpu")
for name in list(os.environ):
    if (name.startswith("DATA_FETCH_") and name != "DATA_FETCH_DIR") or name == "MEDXAI_RECORD_EXPECTED":
        del os.environ[name]


# Files that one worker is busy with for minutes. They begin, so that no worker waits for another at the end.
LONGEST = (
    "test_solutions.py",
    "test_parity.py",
    "test_real_films.py",
    "test_marks.py",
    "test_stopped.py",
    "test_kinds.py",
    "test_leaks.py",
    "test_train_command.py",
    "test_student_zip.py",
    "test_hub.py",  # when the notebooks have drawn their phantoms
    "test_nbgrader_courses.py",
    "test_checkpoints.py",
    "test_products.py",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What runs in `make test-all` only says why, and what it does whole has no sample there; the longest files come first."""
    if "not slow" not in config.option.markexpr:
        samples = [item for item in items if item.get_closest_marker("sample")]
        items[:] = [item for item in items if item not in samples]
        config.hook.pytest_deselected(items=samples)
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))
    silent = {item.nodeid for item in items for marker in item.iter_markers("slow") if not marker.kwargs.get("reason")}
    if silent:
        raise pytest.UsageError(
            f"slow without a reason (write @pytest.mark.slow(reason=...)): {', '.join(sorted(silent))}"
        )


@pytest.fixture(scope="session")
def profile_name() -> str:
    """The profile to run notebooks in: "cpu", or what MEDXAI_PROFILE said when the tests were started."""
    return PROFILE


@pytest.fixture(scope="session")
def root() -> pathlib.Path:
    """The top of the project."""
    return ROOT


@pytest.fixture(scope="session")
def realdata() -> pathlib.Path:
    """The folder of real X-rays that MEDXAI_REALDATA names; the test is skipped where there is none."""
    named = os.environ.get("MEDXAI_REALDATA", "")
    if not named:
        pytest.skip("needs real films: set MEDXAI_REALDATA to a folder that holds nih/mirror")
    folder = pathlib.Path(named)
    if not folder.is_absolute():
        folder = ROOT / folder
    if not folder.is_dir():
        pytest.fail(f"MEDXAI_REALDATA names {named}, which is no folder")
    return folder
