"""The hosts of one run, each known by its identity and by a name of its own."""

from __future__ import annotations

from dataclasses import replace

from pytest_orchestra.model.host import Host


class Hosts:
    """Gives every host a name that no other has: the second of one name is ``name-2``."""

    def __init__(self) -> None:
        self._known: dict[str, Host] = {}

    def meet(self, host: Host) -> Host:
        """Return ``host`` under the name that it has in this run; the first to come keeps its own.

        A host that was met before is returned as it was then: two workers of one host may see
        different limits.
        """
        known = self._known.get(host.key)
        if known is None:
            known = self._known[host.key] = replace(host, name=self._free_name(host.name))
        return known

    @property
    def all(self) -> tuple[Host, ...]:
        """All that were met, in that order."""
        return tuple(self._known.values())

    def _free_name(self, name: str) -> str:
        taken = {host.name for host in self._known.values()}
        free, number = name, 1
        while free in taken:
            number += 1
            free = f"{name}-{number}"
        return free
