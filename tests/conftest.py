"""Settings and fixtures for all tests."""

from __future__ import annotations

import os
import pathlib
import signal

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Without bytecode, each of the many processes that tests start would need 10 s instead of 3 to import TensorFlow.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# If a shell starts the tests in the background, they and all their child processes ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Tests start the kernels of this environment, whatever the user has installed elsewhere.
os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
# No warm process is kept between tests, except in tests of that feature.
os.environ["WARMKERNEL_KEEP"] = "0"
# The user's own settings for the course must not affect the tests. Only the notebooks are also run in another profile, by
# `make test-gpu`; they get it from the fixture `profile_name`.
PROFILE = os.environ.pop("MEDXAI_PROFILE", "cpu")
for name in list(os.environ):
    if (name.startswith("DATA_FETCH_") and name != "DATA_FETCH_DIR") or name == "MEDXAI_RECORD_EXPECTED":
        del os.environ[name]


# Test files that take minutes. They run first, so that no worker has to wait for another at the end.
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
    """Slow tests must give a reason; `make test-all` skips the samples of slow tests; the longest files run first."""
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
    """The profile to run notebooks in: "cpu", or the value of MEDXAI_PROFILE when the tests were started."""
    return PROFILE


@pytest.fixture(scope="session")
def root() -> pathlib.Path:
    """The root folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def realdata() -> pathlib.Path:
    """The folder of real films in MEDXAI_REALDATA; the test is skipped if it is not set."""
    named = os.environ.get("MEDXAI_REALDATA", "")
    if not named:
        pytest.skip("needs real films: set MEDXAI_REALDATA to a folder that contains nih/mirror")
    folder = pathlib.Path(named)
    if not folder.is_absolute():
        folder = ROOT / folder
    if not folder.is_dir():
        pytest.fail(f"MEDXAI_REALDATA is {named}, which is not a folder")
    return folder
