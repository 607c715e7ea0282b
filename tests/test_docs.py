"""What the documentation must name, and that its links lead somewhere."""

import re
from pathlib import Path

import msgspec
import pytest

from actors.local_floor import LocalFloor
from schemas.registry import SUBJECTS
from schemas.settings import FeedSettings, parse

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def unnamed(names: list[str], page: str) -> list[str]:
    """Those of `names` that do not stand as code (`name` or `name ARGUMENTS`) in a page's text."""
    return [name for name in names if not re.search(rf"`{re.escape(name)}(?: [^`]*)?`", page)]


def make_targets() -> list[str]:
    """The Makefile's targets that are listed by `make help`."""
    return re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_every_make_target_is_explained() -> None:
    """docs/development.md names each target as `make target`."""
    targets = make_targets()
    assert {"setup", "run", "demo", "test", "check", "bench", "lock", "clean", "help"} <= set(targets)
    page = (DOCS / "development.md").read_text(encoding="utf-8")
    assert unnamed([f"make {target}" for target in targets], page) == []


def test_a_name_that_is_missing_is_found() -> None:
    """A name inside a longer one or outside code does not count."""
    assert unnamed(["make up", "make"], "`make upper`, make up, `make`") == ["make up"]


def test_every_page_is_in_the_index() -> None:
    """docs/README.md links each page beside it."""
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    pages = [path.name for path in DOCS.glob("*.md") if path.name != "README.md"]
    assert [page for page in pages if f"]({page})" not in index] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_within_the_repository_lead_to_files(page: Path) -> None:
    """A relative link names a file or folder that is there."""
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_every_subject_is_documented() -> None:
    """docs/bus.md names each event's subject and tag as they are in the registry."""
    page = (DOCS / "bus.md").read_text(encoding="utf-8")
    rows = {subject: str(kind.__struct_config__.tag) for kind, subject in SUBJECTS.items()}
    assert [subject for subject, tag in rows.items() if f"| `{subject}` | `{tag}`" not in page] == []


def test_the_strategy_in_the_documentation_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's own example is found by module and class, and trades on the in-process floor."""
    page = (DOCS / "strategies.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "my_strategies.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    (table,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    settings = parse(table)
    floor = LocalFloor(msgspec.structs.replace(settings, feed=FeedSettings(speed=0, seconds=120, symbols=("EURUSD",))))
    floor.run()
    assert floor.actors["router"].gauges()["ended"] > 2
