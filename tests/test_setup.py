"""`make setup` says nothing but what is wrong."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / ".ci" / "venv.py"
NOISE = "import sys; print('the cache is off'); sys.stderr.write('WARNING: an index is not there\\n'); sys.exit({code})"


@pytest.fixture
def setup() -> ModuleType:
    """The script, not run."""
    spec = importlib.util.spec_from_file_location("setup_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def test_warnings_of_an_installer_that_succeeds_are_not_shown(
    setup: ModuleType, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whoever types `make run` reads of the floor."""
    setup.run("installing", sys.executable, "-c", NOISE.format(code=0))
    assert capfd.readouterr() == ("", "")


def test_one_that_fails_is_quoted_in_full(setup: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    """The reason, and then the line that says what it was for."""
    with pytest.raises(SystemExit, match="setup: installing failed, the reason is above"):
        setup.run("installing", sys.executable, "-c", NOISE.format(code=1))
    assert sorted(capfd.readouterr().err.splitlines()) == ["WARNING: an index is not there", "the cache is off"]
