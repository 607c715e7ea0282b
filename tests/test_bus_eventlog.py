"""Checksummed JSON lines: what survives, and what is found out."""

from __future__ import annotations

import errno
import itertools
import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.eventlog import LogReader, LogReadError, LogWriteError, LogWriter, embedded, extracted

_BODIES = [b'{"n":%d,"at":1577916000000000,"price":1.12%03d' % (n, n) for n in range(12)]
_numbers = itertools.count()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log with an orderly end."""
    path = tmp_path_factory.mktemp("log") / "whole.jsonl"
    _write(path)
    return path


def _write(path: Path) -> None:
    writer = LogWriter(path)
    for body in _BODIES:
        writer.append(body)
    writer.close()


def _variant(whole: Path, data: bytes) -> Path:
    path = whole.with_name(f"variant-{next(_numbers)}.jsonl")
    path.write_bytes(data)
    return path


def test_lines_come_back_as_they_were_written(whole: Path) -> None:
    """Each line is the object that was appended, numbered from 1, with the offset at which it lies in the file."""
    reader = LogReader(whole)
    lines = list(reader)
    assert [line.number for line in lines] == list(range(1, 13))
    assert [line.data[: len(body)] for line, body in zip(lines, _BODIES, strict=True)] == _BODIES
    data = whole.read_bytes()
    assert all(data[line.offset :].startswith(line.data + b"\n") for line in lines)
    assert (reader.closed, reader.torn, reader.lines) == (True, 0, 12)


@given(cut=st.data())
def test_a_log_is_readable_up_to_the_last_whole_line_wherever_it_ends(whole: Path, cut: st.DataObject) -> None:
    """Cut off at any byte, the whole lines before are read, and the rest is counted as torn."""
    data = whole.read_bytes()
    kept = data[: cut.draw(st.integers(0, len(data)))]
    reader = LogReader(_variant(whole, kept))
    lines = list(reader)
    complete = kept.count(b"\n")
    assert reader.closed == (kept == data)
    assert len(lines) == min(complete, len(_BODIES))
    assert reader.torn == len(kept) - (kept.rfind(b"\n") + 1)


@given(cut=st.data())
def test_a_log_that_is_being_written_can_be_read_as_far_as_it_was(whole: Path, cut: st.DataObject) -> None:
    """With a limit it is the file that it was when it had so many bytes."""
    data = whole.read_bytes()
    size = cut.draw(st.integers(0, len(data)))
    limited, reader = LogReader(whole, size), LogReader(_variant(whole, data[:size]))
    assert list(limited) == list(reader)
    assert (limited.closed, limited.torn, limited.lines) == (reader.closed, reader.torn, reader.lines)


@given(pick=st.data())
def test_a_changed_digit_is_found_and_its_line_named(whole: Path, pick: st.DataObject) -> None:
    """Whatever digit of the file is changed into another, in a value or in a checksum, reading stops at its line."""
    data = whole.read_bytes()
    place = pick.draw(st.sampled_from([i for i, byte in enumerate(data) if 48 <= byte <= 57]))
    digit = pick.draw(st.sampled_from([byte for byte in b"0123456789" if byte != data[place]]))
    path = _variant(whole, data[:place] + bytes([digit]) + data[place + 1 :])
    line = data.count(b"\n", 0, place) + 1
    with pytest.raises(LogReadError) as caught:
        list(LogReader(path))
    assert caught.value.line == line
    assert str(caught.value).startswith(f"{path}:{line}: ")


@given(pick=st.data())
def test_any_changed_byte_is_found(whole: Path, pick: st.DataObject) -> None:
    """So is any other byte, line breaks among them; only the very last one reads as an unfinished line."""
    data = whole.read_bytes()
    place = pick.draw(st.integers(0, len(data) - 2))
    byte = pick.draw(st.integers(0, 255).filter(lambda value: value != data[place]))
    path = _variant(whole, data[:place] + bytes([byte]) + data[place + 1 :])
    with pytest.raises(LogReadError) as caught:
        list(LogReader(path))
    assert caught.value.line == data.count(b"\n", 0, place) + 1


@pytest.mark.parametrize("change", ["removed", "repeated", "swapped"])
def test_lines_cannot_be_moved(whole: Path, change: str) -> None:
    """Each checksum covers the one before, so whole lines cannot be taken out, put in or moved."""
    lines = whole.read_bytes().splitlines(keepends=True)
    changed = {
        "removed": [*lines[:3], *lines[4:]],
        "repeated": [*lines[:3], lines[2], *lines[3:]],
        "swapped": [*lines[:3], lines[4], lines[3], *lines[5:]],
    }[change]
    with pytest.raises(LogReadError, match="checksum") as caught:
        list(LogReader(_variant(whole, b"".join(changed))))
    assert caught.value.line == 4


def test_nothing_may_follow_the_closing_line(whole: Path) -> None:
    """A line after the end is refused even if it looks like one."""
    data = whole.read_bytes()
    path = _variant(whole, data + data.splitlines(keepends=True)[0])
    with pytest.raises(LogReadError, match="follows the closing line"):
        list(LogReader(path))


def test_a_missing_file_is_a_clear_error(tmp_path: Path) -> None:
    """Reading what is not there says so, with the path."""
    with pytest.raises(LogReadError, match=r"none\.jsonl: no such file"):
        list(LogReader(tmp_path / "none.jsonl"))


def test_an_existing_log_is_never_overwritten(whole: Path) -> None:
    """Two writers cannot share a file."""
    before = whole.read_bytes()
    with pytest.raises(LogWriteError, match="exists already"):
        LogWriter(whole)
    assert whole.read_bytes() == before


def test_a_missing_folder_is_a_clear_error(tmp_path: Path) -> None:
    """Writing where there is no folder says so."""
    with pytest.raises(LogWriteError, match="no such file"):
        LogWriter(tmp_path / "none" / "log.jsonl")


def test_a_write_that_stops_half_way_leaves_a_readable_log(tmp_path: Path) -> None:
    """When no more fits, the writer says so each time, closes quietly, and what is in the file can be read."""
    resource = pytest.importorskip("resource")
    path = tmp_path / "log.jsonl"
    writer = LogWriter(path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))
    try:
        for body in _BODIES:
            writer.append(body)
        for _ in range(2):
            with pytest.raises(LogWriteError, match="file too large"):
                writer.flush()
        writer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    reader = LogReader(path)
    assert [line.data[: len(_BODIES[0])] for line in reader] == _BODIES[:2]
    assert not reader.closed
    assert reader.torn == 200 - path.read_bytes().rfind(b"\n") - 1


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is in words that tell a person what to do."""
    writer = LogWriter(tmp_path / "log.jsonl")
    writer.append(_BODIES[0])

    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(LogWriteError, match="the disk is full"):
            writer.flush()
    writer.close()


@pytest.mark.parametrize(
    ("data", "as_it_is"),
    [
        (b'{"type":"tick","bid":1.1}', True),
        (b'{"text":"\xc3\xa4"}', True),
        (b'{"pretty":\n1}', False),
        (b' {"blank":1}', False),
        (b'{"bad":"\xff"}', False),
        (b'{"cut":', False),
        (b"", False),
        (b"\x00\xff", False),
        (b'{"a":1} {"b":2}', False),
    ],
)
def test_a_payload_is_kept_to_the_byte(data: bytes, as_it_is: bool) -> None:
    """JSON on one line lies in the log as it is; anything else that people send is kept as base64."""
    raw, text = embedded(data)
    assert isinstance(raw, msgspec.Raw) is as_it_is
    assert extracted(raw, text) == data
