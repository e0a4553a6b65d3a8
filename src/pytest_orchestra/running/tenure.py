"""What tests in this process hold of resources: their own, and what fixtures keep after them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

import pytest

from pytest_orchestra.model.events import Fixture
from pytest_orchestra.model.lease import Lease
from pytest_orchestra.running.fixture_claims import FixtureClaims
from pytest_orchestra.running.fixture_watch import FixtureWatch
from pytest_orchestra.running.leases import Leases, LeasesPlugin
from pytest_orchestra.running.look_ahead import settle, settle_by


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
        self._watch: Final = (
            FixtureWatch(claims, self._leases, unclaimed) if claims.are_there else None
        )
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

    def settle(self, item: pytest.Item, following: pytest.Item | None) -> pytest.TestReport | None:
        """Tear down what ``item`` left up and ``following`` does not share; see :func:`.settle`.

        Fixtures that keep resources still have them while they go down.
        """
        with self._between(item):
            return settle(item, following)

    @contextmanager
    def _between(self, item: pytest.Item) -> Iterator[None]:
        """Between two tests, on account of ``item``: leases are those of fixtures that are up."""
        self._leases.begin(item.nodeid, self._watch.leases() if self._watch is not None else ())
        try:
            yield
        finally:
            self._leases.end()

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
                yield item, partial(self._tear_down, watch, item, fixture)

    def _tear_down(
        self, watch: FixtureWatch, item: pytest.Item, fixture: Fixture
    ) -> pytest.TestReport | None:
        """Take one fixture down, on account of the test that used it last."""
        with self._between(item):
            return settle_by(item, lambda: watch.tear_down(fixture))
