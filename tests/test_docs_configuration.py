"""docs/configuration.md lists every table and key of `pitwire.toml`, with the type, default and bounds of the code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest
from msgspec import inspect

from schemas.settings import (
    AccountSettings,
    BusSettings,
    FeedSettings,
    GuardSettings,
    PortfolioSettings,
    SessionSettings,
    Settings,
    StoreSettings,
    TickFile,
    parse,
)

PAGE = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"
TABLES: dict[str, type[msgspec.Struct]] = {
    "bus": BusSettings,
    "feed": FeedSettings,
    "feed.files": TickFile,
    "account": AccountSettings,
    "session": SessionSettings,
    "guard": GuardSettings,
    "portfolio": PortfolioSettings,
    "store": StoreSettings,
}
KINDS = {
    inspect.IntType: "integer",
    inspect.FloatType: "number",
    inspect.StrType: "text",
    inspect.BoolType: "true or false",
    inspect.LiteralType: "text",
    inspect.VarTupleType: "list",
    inspect.DictType: "table",
}


def bare(kind: inspect.Type) -> inspect.Type:
    """Without the description around it."""
    return kind.type if isinstance(kind, inspect.Metadata) else kind


def described(kind: inspect.Type) -> str:
    """Its own description, "" for none."""
    extra = kind.extra_json_schema if isinstance(kind, inspect.Metadata) else None
    return str((extra or {}).get("description", ""))


def bounds(kind: inspect.Type) -> str:
    """What a value may be, as the page writes it."""
    match bare(kind):
        case inspect.IntType(ge=low, le=high) | inspect.FloatType(ge=low, gt=None, le=high) if low is not None:
            return f"{plain(low)} to {plain(high)}" if high is not None else f"at least {plain(low)}"
        case inspect.FloatType(gt=low, le=high) if low is not None:
            return f"above {plain(low)}, at most {plain(high)}" if high is not None else f"above {plain(low)}"
        case inspect.LiteralType(values=values):
            return " or ".join(f"`{value}`" for value in values)
        case inspect.VarTupleType(min_length=least, max_length=most) if most is not None:
            return f"{least} to {most} of them"
        case inspect.StrType(pattern=pattern) if pattern is not None:
            letters = {r"^[A-Z]{3}$": "three capital letters", r"^([A-Z]{3})?$": "three capital letters, or nothing"}
            return letters.get(pattern, "a name")
        case _:
            return ""


def plain(number: float) -> str:
    """Without a needless fraction or exponent."""
    return str(int(number)) if number == int(number) else str(number)


def default(field: msgspec.structs.FieldInfo) -> str:
    """As TOML."""
    if field.required:
        return "required"
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    return f"`{json.dumps(value) if not isinstance(value, float) else plain(value)}`"


def rows(kind: type[msgspec.Struct]) -> dict[str, list[str]]:
    """Type, default and bounds of each key."""
    types = {field.encode_name: field.type for field in inspect.type_info(kind).fields}  # type: ignore[attr-defined]
    return {
        field.encode_name: [
            KINDS[type(bare(types[field.encode_name]))],
            default(field),
            bounds(types[field.encode_name]),
        ]
        for field in msgspec.structs.fields(kind)
    }


def written(table: str) -> dict[str, list[str]]:
    """The rows that the page has for a table: type, default, bounds, unit, meaning."""
    page = PAGE.read_text(encoding="utf-8")
    section = re.search(rf"(?ms)^## `\[+{re.escape(table)}\]+`$(.*?)(?=^## |\Z)", page)
    assert section is not None, f"no section for [{table}]"
    lines = [line for line in section[1].splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return {row[0].strip("`"): row[1:] for row in cells}


def test_every_table_of_the_settings_is_looked_at() -> None:
    """A table that is added is added here too."""
    named = {field.encode_name for field in msgspec.structs.fields(Settings)}
    assert named == {table for table in TABLES if "." not in table}


@pytest.mark.parametrize("table", TABLES)
def test_every_key_is_on_the_page_as_it_is_in_the_code(table: str) -> None:
    """Type, default and bounds; what it means is written, and holds the code's own description."""
    found, expected = written(table), rows(TABLES[table])
    assert {key: row[:3] for key, row in found.items()} == expected
    assert [key for key, row in found.items() if not row[4]] == []
    described_as = {field.encode_name: described(field.type) for field in inspect.type_info(TABLES[table]).fields}  # type: ignore[attr-defined]
    told = {key: text for key, text in described_as.items() if text and not expected[key][2].startswith("a name")}
    assert {key: text for key, text in told.items() if text not in " ".join(found[key][2:])} == {}


def test_the_example_is_one_that_works() -> None:
    """The page's own file is read without an error."""
    page = PAGE.read_text(encoding="utf-8")
    for example in re.findall(r"```toml\n(.*?)```", page, re.DOTALL):
        parse(example)
