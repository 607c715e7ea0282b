"""What can be wrong with a call of a kernel, or with the library itself.

`KernelError` is all of it. `LibraryError`: the compiled library is missing or was built from other sources.
`OptionError`: an option, with its name, its value and what was expected. `InputError`: an input array, and below it
`NotFiniteError` and `UnsortedError`, which say where in it. The last four are ValueErrors too.
"""

__all__ = ["InputError", "KernelError", "LibraryError", "NotFiniteError", "OptionError", "UnsortedError"]


class KernelError(Exception):
    """Anything that a kernel refuses."""


class LibraryError(KernelError):
    """The compiled library cannot be used; the text says what to do."""


class OptionError(KernelError, ValueError):
    """An option that is unknown, missing, out of its bounds, or against another one."""

    def __init__(self, kernel: str, option: str, value: object, expected: str) -> None:
        super().__init__(f"{kernel}: {option} {value!r}; expected {expected}")
        self.kernel = kernel
        self.option = option
        self.value = value
        self.expected = expected


class InputError(KernelError, ValueError):
    """An input that is no array of numbers, or whose length differs from the others'."""

    def __init__(self, kernel: str, name: str, text: str) -> None:
        super().__init__(f"{kernel}: {name} {text}")
        self.kernel = kernel
        self.name = name


class NotFiniteError(InputError):
    """A NaN or an infinity among the inputs; nothing was computed with it."""

    def __init__(self, kernel: str, name: str, position: int, value: float) -> None:
        super().__init__(kernel, name, f"[{position}] is {value}; expected a finite number")
        self.position = position
        self.value = value


class UnsortedError(InputError):
    """A time that lies before the one that came before it."""

    def __init__(self, kernel: str, name: str, position: int) -> None:
        super().__init__(kernel, name, f"[{position}] is before the time in front of it; expected times in order")
        self.position = position
