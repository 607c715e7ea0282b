"""Reads tests/vectors/kernels.txt, whose head explains the format."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["VECTORS", "Vector", "parse", "without_vectors"]

FILE = Path(__file__).parent / "vectors" / "kernels.txt"


@dataclass
class Vector:
    """One case: a kernel's options, its inputs and what must come out."""

    line: int
    kernel: str
    options: list[float]
    tolerance: float = 1e-9
    absolute: bool = False
    inputs: dict[str, list[float]] = field(default_factory=dict)
    outputs: dict[str, list[float]] = field(default_factory=dict)


def parse(text: str) -> list[Vector]:
    """The cases of a file's text.

    Raises:
        ValueError: a line that is none of those the head explains.
    """
    series: dict[str, list[float]] = {}
    found: list[Vector] = []
    for number, line in enumerate(text.splitlines(), 1):
        match line.split():
            case [] | ["#", *_]:
                pass
            case ["series", name, *numbers]:
                series[name] = [float(value) for value in numbers]
            case ["kernel", name, *options]:
                found.append(Vector(number, name, [float(option) for option in options]))
            case ["tolerance", value, *kind]:
                found[-1].tolerance, found[-1].absolute = float(value), kind == ["absolute"]
            case ["in", name, "=", other]:
                found[-1].inputs[name] = series[other]
            case ["in", name, *numbers]:
                found[-1].inputs[name] = [float(value) for value in numbers]
            case ["out", name, *numbers]:
                found[-1].outputs[name] = [float(value) for value in numbers]
            case _:
                raise ValueError(f"line {number}: {line!r}; expected kernel, tolerance, in, out or series")
    return found


def without_vectors(names: tuple[str, ...], vectors: list[Vector]) -> list[str]:
    """Those of the kernels that have no case."""
    return sorted(set(names) - {vector.kernel for vector in vectors})


VECTORS = parse(FILE.read_text(encoding="utf-8"))
