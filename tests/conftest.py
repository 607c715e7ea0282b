"""What all tests share: repeatable property tests, the real data's folder, a clean environment."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
# Variables with which a person steers the tests; every other PITWIRE_* belongs to that person's own floor.
STEERING = {"PITWIRE_CHAOS_SECONDS", "PITWIRE_CHAOS_SEED", "PITWIRE_DATA", "PITWIRE_REQUIRE_DATA"}

# The same examples in every run, so that a failure is seen again; `--hypothesis-profile=explore` looks for new ones.
settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.register_profile("explore", max_examples=2_000, database=None, deadline=None, print_blob=True)
settings.load_profile("repeatable")


def pytest_configure() -> None:
    """Take away the settings of the floor of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("PITWIRE_") and name not in STEERING]:
        del os.environ[name]
    os.environ.pop("PYTHONUNBUFFERED", None)  # nobody who uses Pitwire has it set


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With PITWIRE_REQUIRE_DATA=1 a skip whose reason names PITWIRE_DATA is a failure, however it was asked for."""
    report = yield
    if report.skipped and os.environ.get("PITWIRE_REQUIRE_DATA") == "1" and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2]
        if "PITWIRE_DATA" in reason:
            report.outcome = "failed"
            report.longrepr = f"{reason} (PITWIRE_REQUIRE_DATA=1)"
    return report


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real market data: `PITWIRE_DATA`, else `../shared/data` beside the checkout.

    Without it the test is skipped, or fails if PITWIRE_REQUIRE_DATA is 1 (see above).
    """
    folder = Path(os.environ.get("PITWIRE_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is not a folder; set PITWIRE_DATA to the folder that holds it")
    return folder
