"""`.set` files of both MetaTraders, and values as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.backtest_params import ParamsError, params_of
from actors.set_file import SetFileError, read_set
from kernels.params import CycleTraderParams

MT5 = """; saved by hand
; --- sizes ---
lot_sizes=0.01,0.02
take_profit=7.5||5||1||10||N
autotrade=true||false||0||true||N
autotrade_threshold=10
zones=30 60||10||10||100||Y
candle_timeframe=m15
"""
MT4 = """SECTION_3=parameters
STRATEGY_INSTANCE_ID=12
ACCOUNT_RISK_PERCENT=1.5
ACCOUNT_RISK_PERCENT,F=1
ACCOUNT_RISK_PERCENT,1=1
ACCOUNT_RISK_PERCENT,2=0.5
ACCOUNT_RISK_PERCENT,3=3
ATR_AVERAGING_PERIOD=20
SL_ATR_MULTIPLIER=2
MAX_OPEN_ORDERS=3
"""


def write(folder: Path, text: str, encoding: str = "utf-8") -> str:
    """A file with this text in this encoding."""
    path = folder / "test.set"
    path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    return str(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_of_metatrader_5_is_read_in_any_of_its_encodings(tmp_path: Path, encoding: str) -> None:
    """Values before the optimiser's, bare values, lists and words; comments are left out."""
    params, notes = params_of("cycle_trader", (), write(tmp_path, MT5, encoding))
    assert params == CycleTraderParams(
        lot_sizes=(0.01, 0.02),
        take_profit=7.5,
        autotrade=True,
        autotrade_threshold=10,
        zones=(30, 60),
        candle_timeframe="M15",
    )
    assert notes == ()


def test_a_file_of_metatrader_4_is_read_with_asirikuys_names(tmp_path: Path) -> None:
    """Its optimiser's lines are left out, its own settings are noted with their lines, its names stand for ours."""
    params, notes = params_of("bollinger_stop", (), write(tmp_path, MT4, "ascii"))
    found = [getattr(params, name) for name in ("risk_percent", "atr_period", "sl_atr_multiplier", "max_open_orders")]
    assert found == [1.5, 20, 2, 3]
    assert [note.split(", ")[-1] for note in notes] == [
        "line 1: SECTION_3 means nothing to bollinger_stop",
        "line 2: STRATEGY_INSTANCE_ID means nothing to bollinger_stop",
    ]


def test_only_the_inputs_of_a_testers_file_count(tmp_path: Path) -> None:
    """A tester's .ini has the same lines below [TesterInputs], and others that are none."""
    text = "[Tester]\nExpert=x\nDeposit=1\n[TesterInputs]\ntake_profit=3||1||1||5||Y\n[Other]\na b\n"
    (value,) = read_set(write(tmp_path, text))
    assert (value.name, value.value, value.line) == ("take_profit", "3", 5)


def test_a_pipe_alone_belongs_to_the_value(tmp_path: Path) -> None:
    """Only two of them part a value from what the optimiser tries."""
    assert read_set(write(tmp_path, "name=a|b||1||2||3||N\n"))[0].value == "a|b"


def test_single_values_win_over_the_file(tmp_path: Path) -> None:
    """Also over one in the file that does not go with it."""
    params, _ = params_of("cycle_trader", [("take_profit", "9"), ("hedge_sl", "20")], write(tmp_path, MT5))
    assert isinstance(params, CycleTraderParams)
    assert (params.take_profit, params.hedge_sl, params.lot_sizes) == (9, 20, (0.01, 0.02))


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("take_profit=5\nwhat=1\n", 2, "unknown parameter what; expected one of lot_sizes"),
        ("take_profit=x\n", 1, "value 'x'; expected a number"),
        ("max_cycles=1.5\n", 1, "value '1.5'; expected a whole number"),
        ("\ntake_profit=-5\n", 2, "take_profit -5.0; expected"),
        ("take_profit=nan\n", 1, "take_profit nan; expected"),
        ("autotrade=perhaps\n", 1, "value 'perhaps'; expected true or false"),
        ("candle_timeframe=H3\n", 1, "value 'H3'; expected one of "),
        ("disaster_sl=100\n", 1, "disaster_sl 100.0; expected 0, or above"),
        ("take_profit\n", 1, "'take_profit' is no input; expected name=value"),
        ("take_profit=5\ntake_profit=6\n", 2, "take_profit is there twice (line 1)"),
        ("; nothing\n", 0, "there is no input in it"),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    """Unknown names, wrong types, values out of bounds or against a rule, lines that are no inputs."""
    path = write(tmp_path, text)
    with pytest.raises(SetFileError) as caught:
        params_of("cycle_trader", (), path)
    assert caught.value.line == line
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{path}, line {line}: " if line else f"{path}: ")


def test_files_that_are_no_text_say_so(tmp_path: Path) -> None:
    """One that is not there, and bytes that are no UTF-8."""
    with pytest.raises(SetFileError, match="it cannot be read"):
        read_set(str(tmp_path / "none.set"))
    path = tmp_path / "bytes.set"
    path.write_bytes(b"a=1\nb=\xff\xfe\n")
    with pytest.raises(SetFileError, match="line 2: it is no text in UTF-8"):
        read_set(str(path))


@pytest.mark.parametrize(
    ("strategy", "name", "value", "words"),
    [
        ("no_such", "a", "1", "unknown strategy 'no_such'; expected one of cycle_trader"),
        ("cycle_trader", "nothing", "1", "--set nothing=1: unknown parameter; expected one of"),
        ("cycle_trader", "take_profit", "abc", "--set take_profit: value 'abc'; expected a number"),
        ("cycle_trader", "take_profit", "inf", "take_profit"),
        ("cycle_trader", "max_cycles", "51", "max_cycles 51; expected"),
        ("cycle_trader", "zones", "", "zones"),
        ("cycle_trader", "autotrade", "yes", "autotrade_threshold 0.0; expected 1 or more with autotrade"),
    ],
)
def test_what_is_wrong_with_a_single_value_is_named(strategy: str, name: str, value: str, words: str) -> None:
    """By the option, or by the parameter, its value and its bounds."""
    with pytest.raises(ParamsError, match=words.replace("(", r"\(")):
        params_of(strategy, [(name, value)])
