"""What tests in this process hold of resources: their own, and what fixtures keep after them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import pytest

from pytest_orchestra.model.events import Fixture
from pytest_orchestra.model.lease import Lease
from pytest_orchestra.running.fixture_claims import FixtureClaims
from pytest_orchestra.running.fixture_watch import FixtureWatch
from pytest_orchestra.running.leases import Leases, LeasesPlugin
from pytest_orchestra.running.stage import settle_by


class Tenure:
    """For the loop of a worker, or of the only process."""

    def __init__(
        self,
        manager: pytest.PytestPluginManager,
        claims: FixtureClaims,
        unclaimed: Callable[[str], None],
    ) -> None:
        self._claims: Final = claims
        self._leases: Final = Leases()
        self._watch: Final = FixtureWatch(claims, unclaimed) if claims.are_there else None
        manager.register(LeasesPlugin(self._leases), "orchestra-leases")
        if self._watch is not None:
            manager.register(self._watch, "orchestra-fixture-watch")

    def begin(self, item: pytest.Item, leases: Iterable[Lease]) -> None:
        """``item`` is about to run, with ``leases``."""
        self._leases.begin(item.nodeid, leases)

    def end(self, item: pytest.Item) -> tuple[Fixture, ...]:
        """``item`` is over; return the fixtures that do not stay up though it uses them."""
        self._leases.end()
        return self._watch.gone(self._claims.holds(item)) if self._watch is not None else ()

    def gone(self) -> tuple[Fixture, ...]:
        """Return the fixtures that have gone down since a test was over."""
        return self._watch.gone() if self._watch is not None else ()

    def relinquish(
        self, fixtures: Iterable[Fixture]
    ) -> Iterator[tuple[pytest.Item, Callable[[], pytest.TestReport | None]]]:
        """Yield for each of ``fixtures`` that is up its last user, and what tears it down.

        That returns the report of a teardown that failed, or None.
        """
        watch = self._watch
        if watch is None:
            return
        for fixture in fixtures:
            item = watch.last_user(fixture)
            if item is not None:
                yield item, _Teardown(watch, item, fixture)


class _Teardown:
    """Takes one fixture down, on account of the test that used it last."""

    def __init__(self, watch: FixtureWatch, item: pytest.Item, fixture: Fixture) -> None:
        self._watch = watch
        self._item = item
        self._fixture = fixture

    def __call__(self) -> pytest.TestReport | None:
        return settle_by(self._item, lambda: self._watch.tear_down(self._fixture))
