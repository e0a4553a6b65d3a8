"""What the running test got of the resources that it claims: a fixture, and the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from pytest_orchestra.errors import Unclaimed
from pytest_orchestra.model.lease import Lease

#: Environment variables that tell what a test got begin with this.
PREFIX: Final = "PYTEST_ORCHESTRA_"

_OTHERS: Final = re.compile(r"[^A-Z0-9]+")


class Leases(Mapping[str, Lease]):
    """Maps the resources of the test that runs to what it got of each.

    There is one for the whole process, so fixtures of any scope may look at it.
    """

    def __init__(self) -> None:
        self._leases: dict[str, Lease] = {}
        self._nodeid = ""
        self._before: dict[str, str | None] = {}

    def __getitem__(self, resource: str) -> Lease:
        """Return the lease; raises Unclaimed, a KeyError, where the test does not claim it."""
        if resource not in self._leases:
            if not self._nodeid:
                raise Unclaimed(f"no test runs now, so nobody has a lease on {resource!r}")
            raise Unclaimed(
                f"{self._nodeid} has no lease on {resource!r}, since it does not claim it: add "
                f"@pytest.mark.resources({resource!r})"
            )
        return self._leases[resource]

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the resources."""
        return iter(self._leases)

    def __len__(self) -> int:
        """Return how many resources the test claims."""
        return len(self._leases)

    def __repr__(self) -> str:
        return f"Leases({self._leases!r})"

    def begin(self, nodeid: str, leases: Iterable[Lease]) -> None:
        """The test ``nodeid`` runs now; the environment says what it got."""
        self._nodeid = nodeid
        self._leases = {}
        self.widen(leases)

    def widen(self, leases: Iterable[Lease]) -> None:
        """Tell of ``leases`` as well, but for resources that were told of before."""
        for lease in leases:
            if lease.resource not in self._leases:
                self._leases[lease.resource] = lease
                name = variable_name(lease.resource)
                # Two resources may share a variable: gpu-a and gpu_a.
                self._before.setdefault(name, os.environ.get(name))
                os.environ[name] = ",".join(lease.names) or str(lease.amount)

    def end(self) -> None:
        """The test is over; the environment is what it was."""
        self._nodeid = ""
        self._leases = {}
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._before.clear()


def variable_name(resource: str) -> str:
    """Return the environment variable of a resource: ``PYTEST_ORCHESTRA_GPU`` for ``gpu``."""
    return PREFIX + _OTHERS.sub("_", resource.upper())


class LeasesPlugin:
    """Where the fixture ``leases`` finds them."""

    def __init__(self, leases: Leases) -> None:
        self.leases: Final = leases
