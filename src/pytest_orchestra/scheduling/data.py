"""Who makes data, who uses it, and who cleans up after all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from typing import Final

from pytest_orchestra.model.case import CaseSpec, Column
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.model.verdict import ANY_VERDICT, SUCCESS, Verdict
from pytest_orchestra.scheduling.near import SUGGESTIONS, around
from pytest_orchestra.scheduling.nodeid import split_nodeid

#: The markers that are to blame, as problems name them.
PROVIDES: Final = "provides"
USES: Final = "depends"
CLEANS: Final = "cleans"


@dataclass(frozen=True)
class Pairing:
    """Which provider serves whom.

    ``sources[case]`` maps each name that ``case`` uses or cleans to the case that provides it;
    cases that take nothing are left out. ``unprovided`` are cases and names that they take and
    that nobody provides. ``cleaners`` maps each case that cleans to the providers after which it
    does. ``names`` are all that is provided.
    """

    sources: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    unprovided: tuple[tuple[int, str], ...] = ()
    cleaners: Mapping[int, frozenset[int]] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    _edges: tuple[tuple[int, int, frozenset[Verdict]], ...] = ()
    _users: Mapping[tuple[int, str], Sequence[int]] = field(default_factory=dict)

    def users(self, provider: int, name: str) -> Sequence[int]:
        """Return the cases that cannot run without ``name`` from ``provider``."""
        return self._users.get((provider, name), ())

    @cached_property
    def cleaners_of(self) -> Mapping[int, Sequence[int]]:
        """Map each provider to the cases that clean up after it, if there are any."""
        found: dict[int, list[int]] = {}
        for cleaner, providers in self.cleaners.items():
            for provider in sorted(providers):
                found.setdefault(provider, []).append(cleaner)
        return found

    def join(
        self, prerequisites: Sequence[Mapping[int, frozenset[Verdict]]]
    ) -> tuple[Mapping[int, frozenset[Verdict]], ...]:
        """Return ``prerequisites`` and what follows from who takes whose data.

        A user waits for its provider, which must pass; a cleaner for the provider and all its
        users, whatever becomes of them. Two reasons to wait for one case must both be met.
        """
        if not self._edges:
            return tuple(prerequisites)
        joined = [dict(each) for each in prerequisites]
        for case, prerequisite, accepts in self._edges:
            known = joined[case].get(prerequisite, ANY_VERDICT)
            joined[case][prerequisite] = known & accepts
        return tuple(joined)

    def near(self, name: str) -> list[str]:
        """Return up to three names like ``name`` that are provided, the likest first."""
        return get_close_matches(name, around(self._sorted_names, name), SUGGESTIONS)

    @cached_property
    def _sorted_names(self) -> list[str]:
        return sorted(self.names)


def pair(specs: Sequence[CaseSpec]) -> Pairing:
    """Find the provider of all that ``specs`` use and clean; a case is its index in ``specs``.

    One test function provides each name. Of several parameter sets each serves the cases with
    the same parameters, or in the same column of a matrix; a single one serves everybody. Names that a
    case forgoes do not count.
    """
    if not any(spec.provides or spec.uses or spec.cleans for spec in specs):
        return Pairing()
    return _Pairer(specs).pairing()


class _Pairer:
    def __init__(self, specs: Sequence[CaseSpec]) -> None:
        self._specs = specs
        self._problems: list[Problem] = []
        self._providers: dict[str, dict[str, int]] = {}
        self._disputed: set[str] = set()
        #: Providers of a name by the column of a matrix that they stand in.
        self._columns: dict[str, dict[Column, list[int]]] = {}
        for case, spec in enumerate(specs):
            for name in spec.provides:
                self._add_provider(name, case)

    def pairing(self) -> Pairing:
        sources: dict[int, dict[str, int]] = {}
        unprovided: list[tuple[int, str]] = []
        for case, spec in enumerate(self._specs):
            for name in spec.takes:
                if name in spec.forgone or name in self._disputed:
                    continue
                if name not in self._providers:
                    unprovided.append((case, name))
                    continue
                provider = self._provider(case, name)
                if provider is not None:
                    sources.setdefault(case, {})[name] = provider
        users = self._users(sources)
        cleaners = {
            case: frozenset(taken[name] for name in self._specs[case].cleans if name in taken)
            for case, taken in sources.items()
        }
        return Pairing(
            sources,
            tuple(unprovided),
            {case: providers for case, providers in cleaners.items() if providers},
            tuple(self._providers),
            tuple(self._problems),
            tuple(self._edges(sources, users)),
            users,
        )

    def _add_provider(self, name: str, case: int) -> None:
        spec = self._specs[case]
        file, function, params = split_nodeid(spec.nodeid)
        known = self._providers.setdefault(name, {})
        rival = known.get(params, next(iter(known.values()), None))
        if rival is not None:
            other = split_nodeid(self._specs[rival].nodeid)
            if params in known or (other.file, other.name) != (file, function):
                self._dispute(name, rival, spec)
                return
        known[params] = case

    def _dispute(self, name: str, rival: int, spec: CaseSpec) -> None:
        if name in self._disputed:
            return
        self._disputed.add(name)
        self._problems.append(
            Problem(
                f"both {self._specs[rival].nodeid} and {spec.nodeid} provide {name!r}",
                "give one of them another name; only parameter sets of one test may share it",
                nodeid=spec.nodeid,
                marker=PROVIDES,
                needle=name,
            )
        )

    def _provider(self, case: int, name: str) -> int | None:
        """Return the provider that serves ``case``; complain if it cannot be told which does."""
        providers = self._providers[name]
        spec = self._specs[case]
        found = providers.get(split_nodeid(spec.nodeid).params)
        if found is not None or len(providers) == 1:
            return next(iter(providers.values())) if found is None else found
        found = self._in_the_column(spec, name)
        if found is not None:
            return found
        first = self._specs[next(iter(providers.values()))].nodeid
        does, marker = ("uses", USES) if name in spec.uses else ("cleans", CLEANS)
        self._problems.append(
            Problem(
                f"{spec.nodeid} {does} {name!r}, which {len(providers)} parameter sets provide "
                f"({first} and others), but none with its parameters",
                "parametrize both alike, with the same ids, so that each has a partner",
                nodeid=spec.nodeid,
                marker=marker,
                needle=name,
            )
        )
        return None

    def _in_the_column(self, spec: CaseSpec, name: str) -> int | None:
        """Return the provider in the same column of a matrix as ``spec``, if it is the only one there."""
        if spec.cell is None:
            return None
        if name not in self._columns:
            columns = self._columns[name] = {}
            for case in self._providers[name].values():
                cell = self._specs[case].cell
                if cell is not None:
                    columns.setdefault(cell.column, []).append(case)
        there = self._columns[name].get(spec.cell.column, [])
        return there[0] if len(there) == 1 else None

    def _users(self, sources: Mapping[int, Mapping[str, int]]) -> dict[tuple[int, str], list[int]]:
        users: dict[tuple[int, str], list[int]] = {}
        for case, taken in sources.items():
            for name in self._specs[case].uses:
                if name in taken:
                    users.setdefault((taken[name], name), []).append(case)
        return users

    def _edges(
        self,
        sources: Mapping[int, Mapping[str, int]],
        users: Mapping[tuple[int, str], Sequence[int]],
    ) -> Iterator[tuple[int, int, frozenset[Verdict]]]:
        """Yield who waits for whom, and with which verdicts.

        Who cleans up counts as no user: two that read what they both clean do not wait for one
        another.
        """
        for case, taken in sources.items():
            spec = self._specs[case]
            for name, provider in taken.items():
                yield case, provider, SUCCESS if name in spec.uses else ANY_VERDICT
                if name in spec.cleans:
                    for user in users.get((provider, name), ()):
                        if name not in self._specs[user].cleans:
                            yield case, user, ANY_VERDICT
