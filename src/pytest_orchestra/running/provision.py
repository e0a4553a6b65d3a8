"""What there is for a run: what was declared, what hosts have otherwise, and what machines have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_orchestra.model.capacity import CPU, MEMORY, Capacity, Scope
from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.host import Host


def provide(
    specs: Sequence[CaseSpec],
    declared: Mapping[str, Capacity],
    overrides: Mapping[str, Mapping[str, Capacity]],
    hosts: Sequence[Host],
) -> tuple[Mapping[str, Capacity], Mapping[str, Mapping[str, Capacity]]]:
    """Return the capacities of a run, and what differs on each of its ``hosts``.

    ``overrides`` are what the configuration says of hosts by name. Who claims ``cpu`` or
    ``memory``, and declares neither, is given what each host has.
    """
    claimed = {
        claim.resource
        for spec in specs
        for claim in (*spec.claims, *(each for hold in spec.holds for each in hold.claims))
    }
    capacities = dict(declared)
    local: dict[str, dict[str, Capacity]] = {
        host.name: dict(overrides.get(host.name, {})) for host in hosts
    }
    for name in (CPU, MEMORY):
        if name not in claimed or name in declared:
            continue
        there = {host.name: _of(host, name) for host in hosts}
        known = {host: capacity for host, capacity in there.items() if capacity is not None}
        if len(known) == len(hosts) and known:
            capacities[name] = max(known.values(), key=lambda capacity: capacity.tokens)
            for host, capacity in known.items():
                local[host].setdefault(name, capacity)
    return capacities, local


def _of(host: Host, name: str) -> Capacity | None:
    """Return how much ``host`` has; None if that is not known."""
    if name == CPU:
        return Capacity(host.cpus, scope=Scope.HOST)
    if host.memory is None:
        return None
    return Capacity(host.memory, scope=Scope.HOST, is_quantity=True)
