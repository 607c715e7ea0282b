"""What all tests share: repeatable property tests, the real data's folder, a clean environment."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
# Variables with which a person steers the tests; every other PITWIRE_* belongs to that person's own floor.
STEERING = {"PITWIRE_CHAOS_SECONDS", "PITWIRE_DATA", "PITWIRE_REQUIRE_DATA"}

# The same examples in every run, so that a failure is seen again; `--hypothesis-profile=explore` looks for new ones.
settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.register_profile("explore", max_examples=2_000, database=None, deadline=None, print_blob=True)
settings.load_profile("repeatable")


def pytest_configure() -> None:
    """Take away the settings of the floor of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("PITWIRE_") and name not in STEERING]:
        del os.environ[name]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real market data: `PITWIRE_DATA`, else `../shared/data` beside the checkout.

    Without it the test is skipped, or fails if PITWIRE_REQUIRE_DATA is 1.
    """
    folder = Path(os.environ.get("PITWIRE_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        reason = f"no real data: {folder} is not a folder; set PITWIRE_DATA to the folder that holds it"
        if os.environ.get("PITWIRE_REQUIRE_DATA") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return folder
