"""What every process of one floor is fitted out from, and the handover that it makes."""

from __future__ import annotations

from pathlib import Path

from actors.floor_keys import FloorKeys
from actors.floor_plan import Place, expected
from actors.handover import Handover
from schemas.settings import Settings

__all__ = ["Outfit"]


class Outfit:
    """The folder, the settings and the keys of a floor. `inbox_dir`: where inbox logs go instead of `<home>/inbox`."""

    def __init__(self, home: Path, settings: Settings, keys: FloorKeys, inbox_dir: Path | None = None) -> None:
        self.home = home
        self.settings = settings
        self.keys = keys
        self.url = ""
        self._inbox_dir = inbox_dir or (home / "inbox" if settings.store.inbox_logs else None)

    @property
    def sim(self) -> bool:
        """Whether the ticks are the clock."""
        return self.settings.feed.speed == 0

    def output(self, place: Place) -> Path:
        """The file that gets what a process writes to stdout and stderr."""
        return self.home / "log" / f"{place.name}.out"

    def handover(self, place: Place, incarnation: int) -> Handover:
        """What the next process of a place is given, its own secrets included and nobody else's."""
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
            expect=expected(self.settings) if place.role == "feed" else (),
            inbox_dir=str(self._inbox_dir) if self._inbox_dir is not None else "",
        )
