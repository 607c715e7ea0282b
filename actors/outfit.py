"""What every process of one floor is fitted out from, and the handover that it makes."""

from __future__ import annotations

from pathlib import Path

from actors.floor_keys import FloorKeys
from actors.floor_plan import Place, expected, places
from actors.handover import Handover
from schemas.settings import Settings

__all__ = ["Outfit"]

_MIB = 2**20
_RESERVE = 16


class Outfit:
    """The folder, the settings and the keys of a floor. `inbox_dir`: where inbox logs go instead of `<home>/inbox`, as
    long as they will; there all of them together stay within `store.log_mb`.
    """

    def __init__(self, home: Path, settings: Settings, keys: FloorKeys, inbox_dir: Path | None = None) -> None:
        self.home = home
        self.settings = settings
        self.keys = keys
        self.url = ""
        self._inbox_dir = inbox_dir or (home / "inbox" if settings.store.inbox_logs else None)
        self._bounded = inbox_dir is None
        self._fed = False

    @property
    def sim(self) -> bool:
        """Whether the ticks are the clock."""
        return self.settings.feed.speed == 0

    def output(self, place: Place) -> Path:
        """The file that gets what a process writes to stdout and stderr."""
        return self.home / "log" / f"{place.name}.out"

    def handover(self, place: Place, incarnation: int) -> Handover:
        """What the next process of a place is given, its own secrets included and nobody else's."""
        inbox = self._inbox_dir if self._logged(place) else None
        expect = self._expected() if place.role == "feed" else ()
        return Handover(
            role=place.role,
            name=place.name,
            incarnation=incarnation,
            url=self.url,
            home=str(self.home),
            settings=self.settings,
            seed=self.keys.seed(place.name),
            account=place.account,
            session=place.session,
            guard_public=self.keys.guard_public,
            signing_seed=self.keys.signing_seed if place.role == "guard" else "",
            expect=expect,
            inbox_dir=str(inbox) if inbox is not None else "",
            inbox_bytes=self._share(place) if inbox is not None and self._bounded else 0,
        )

    def _expected(self) -> tuple[str, ...]:
        """Whom the feed waits for. Live only the first one: its data is not to begin before there is anybody to hear
        it, but who is up already says no hello to the next one. In simulated time a second feed would be the end.
        """
        first, self._fed = not self._fed, True
        return expected(self.settings) if first or self.sim else ()

    def _logged(self, place: Place) -> bool:
        """The watch decides nothing, and the beats of all take more room than everything else it hears."""
        return place.role != "watch" or not self._bounded

    def _share(self, place: Place) -> int:
        """How long a process's log may become: half of the budget is the feed's, without whose ticks no other log can
        be run again; the others have equal parts of the rest. Nobody may use a sixteenth of it all: the last message
        comes on top.
        """
        budget = self.settings.store.log_mb * _MIB * (_RESERVE - 1) // _RESERVE
        others = sum(1 for other in places(self.settings) if other.role != "feed" and self._logged(other))
        return budget // 2 if place.role == "feed" else budget // 2 // others
