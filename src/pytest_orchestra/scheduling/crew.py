"""Who is there to run cases: their hosts, where they are in the collection, and homes of groups."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from pytest_orchestra.model.case import CaseSpec


class Crew:
    """The workers, and which cases they have; cases of one group go to one of them, its home."""

    def __init__(self, specs: Sequence[CaseSpec], hosts: Collection[str]) -> None:
        """Take the hosts that there may be workers on; a single one has no name."""
        self._hosts: Final = hosts
        self.groups: Final = [spec.group for spec in specs]
        self.host_of: Final[dict[str, str]] = {}
        self.segment_of: Final[dict[str, int | None]] = {}
        self.worker_of: Final[dict[int, str]] = {}
        self._home_of: Final[dict[str, str]] = {}
        self._bound: Final[dict[int, str | None]] = {}

    def join(self, worker: str, host: str) -> str:
        """``worker`` is there; return the name that its host has here."""
        host = host if len(self._hosts) > 1 else ""
        assert host in self._hosts, f"nothing is known of host {host!r}"  # noqa: S101
        self.host_of[worker] = host
        self.segment_of[worker] = None
        return host

    def lose(self, worker: str) -> list[str]:
        """``worker`` is gone; return the groups that are without a home now."""
        del self.host_of[worker], self.segment_of[worker]
        homeless = [group for group, home in self._home_of.items() if home == worker]
        for group in homeless:
            del self._home_of[group]
        return homeless

    def home(self, case: int) -> str | None:
        """Return the only worker that may run ``case``, if its group has a home or it is bound."""
        group = self.groups[case]
        return self._bound.get(case) if group is None else self._home_of.get(group)

    def has_home(self, group: str) -> bool:
        """Whether ``group`` has a worker already."""
        return group in self._home_of

    def bind(self, case: int, worker: str | None) -> None:
        """Let only ``worker`` run ``case``, which is of no group; None: whoever may."""
        self._bound[case] = worker

    def is_bound(self, case: int) -> bool:
        """Whether only one worker may run ``case``, also if it is not known yet which."""
        return self.groups[case] is not None or self._bound.get(case) is not None

    def settle(self, case: int, worker: str) -> bool:
        """Let ``worker`` be the home of the group of ``case``; false if there is nothing new in it."""
        group = self.groups[case]
        if group is None or group in self._home_of:
            return False
        self._home_of[group] = worker
        return True
