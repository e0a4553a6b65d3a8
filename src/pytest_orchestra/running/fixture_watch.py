"""Which fixtures that take resources are up in this process, and letting them go down."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Any, Final

import pytest

from pytest_orchestra.model.case import Hold
from pytest_orchestra.model.events import Fixture
from pytest_orchestra.model.lease import Lease
from pytest_orchestra.running.fixture_claims import FixtureClaims, param_ids
from pytest_orchestra.running.leases import Leases
from pytest_orchestra.running.shared_fixtures import scope_of


class FixtureWatch:
    """Plugin that knows what is up; ``unclaimed`` is called for what nobody could foresee.

    Fixtures that outlive their test keep what they take, so whoever schedules has to be told when
    they are down. ``unclaimed`` gets the fixture that the running test asked for.
    """

    def __init__(
        self, claims: FixtureClaims, leases: Leases, unclaimed: Callable[[str], None]
    ) -> None:
        self._claims: Final = claims
        self._leases: Final = leases
        #: What each fixture that is up got when it came up.
        self._has: Final[dict[Fixture, tuple[Lease, ...]]] = {}
        self._unclaimed: Final = unclaimed
        self._up: Final[dict[Fixture, tuple[pytest.FixtureDef[Any], Any]]] = {}
        #: What may be thought to be up.
        self._told: Final[set[Fixture]] = set()
        self._users: Final[dict[Fixture, pytest.Item]] = {}
        self._item: pytest.Item | None = None
        self._holds: dict[str, Hold] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Remember which test fixtures are set up for."""
        self._item = item
        self._holds = {hold.fixture: hold for hold in self._claims.holds(item)}
        for hold in self._holds.values():
            if hold.scope is not None:
                self._users[hold.fixture, hold.scope] = item

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        """Note what goes up, and whether that was foreseen."""
        value = yield
        item = self._item
        if item is not None:
            name = fixturedef.argname
            for key in self._claims.keys(name, param_ids(item, name)):
                if key not in self._holds:
                    self._unclaimed(key)
                elif fixturedef.scope != "function":
                    fixture = key, scope_of(fixturedef, item)
                    self._up[fixture] = fixturedef, request
                    claimed = {claim.resource for claim in self._holds[key].claims}
                    self._has[fixture] = tuple(
                        lease for lease in self._leases.values() if lease.resource in claimed
                    )
        return value

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self) -> None:
        """Fixtures may go down now that the test itself does not use."""
        self._leases.widen(self.leases())

    def leases(self) -> list[Lease]:
        """Return what the fixtures that are up have."""
        return [lease for fixture in self._up for lease in self._has.get(fixture, ())]

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_post_finalizer(self, fixturedef: pytest.FixtureDef[Any]) -> None:
        """Note what went down."""
        for fixture in [each for each, (up, _) in self._up.items() if up is fixturedef]:
            del self._up[fixture]

    def gone(self, holds: Iterable[Hold] = ()) -> tuple[Fixture, ...]:
        """Return what is not up that may be thought to be: of earlier tests, and of ``holds``."""
        self._told.update((hold.fixture, hold.scope) for hold in holds if hold.scope is not None)
        found = tuple(sorted(fixture for fixture in self._told if fixture not in self._up))
        self._told.difference_update(found)
        return found

    def last_user(self, fixture: Fixture) -> pytest.Item | None:
        """Return the test that used ``fixture`` last, if that is up."""
        return self._users.get(fixture) if fixture in self._up else None

    def tear_down(self, fixture: Fixture) -> None:
        """Take ``fixture`` down, and what is built on it; raises what their tear-downs raise."""
        definition, request = self._up[fixture]
        try:
            definition.finish(request)
        finally:
            self._up.pop(fixture, None)
