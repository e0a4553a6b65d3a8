"""Which of the collected tests are this run's, in a process that collects for itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pytest

from pytest_orchestra.running.bodies import digest_bodies
from pytest_orchestra.running.collect import Collecting, Collection
from pytest_orchestra.running.hosts import Hosts
from pytest_orchestra.running.identify import read_host
from pytest_orchestra.running.opening import Opening
from pytest_orchestra.running.plan import Plan, planned_order
from pytest_orchestra.running.shared_fixtures import read_kits


class OwnPart:
    """Sorts items for pytest's ``--stepwise``, and leaves out those of other shards."""

    def __init__(self, config: pytest.Config, opening: Opening, collecting: Collecting) -> None:
        self._config: Final = config
        self._opening: Final = opening
        self._collecting: Final = collecting

    def prepare(self, items: list[pytest.Item]) -> None:
        """Before other plugins leave tests out: ``--stepwise`` is to go by the planned order."""
        if self._config.getoption("stepwise", default=False):
            self.sort(items, self._collecting.read(items))

    def take(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """After other plugins have left tests out: leave out those of other shards, or what was not recorded."""
        if session.testsfailed and not self._config.option.continue_on_collection_errors:
            return
        if not self._opening.has_share:
            return
        share = self._opening.take_share(
            self._collecting.collection_of(items),
            digest_bodies(items),
            read_kits(items),
            (Hosts().meet(read_host()),),
        )
        others = _without(items, share)
        items[:] = [items[case] for case in share]
        self._collecting.narrow(items, share)
        if others:
            self._config.hook.pytest_deselected(items=others)

    def sort(self, items: list[pytest.Item], collection: Collection) -> Plan:
        """Put ``items`` in the order in which one worker would run them; return the plan, used up."""
        plan = self._opening.plan(collection, 1, (Hosts().meet(read_host()),))
        items[:] = [items[case] for case in planned_order(plan)]
        return plan


def _without(items: Sequence[pytest.Item], cases: Sequence[int]) -> list[pytest.Item]:
    left_out = set(cases)
    return [item for case, item in enumerate(items) if case not in left_out]
