"""From what was collected to an engine that can run it, or to a list of what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from pytest_orchestra.errors import UsageProblems
from pytest_orchestra.model.capacity import Capacity
from pytest_orchestra.model.case import CaseSpec, Need
from pytest_orchestra.model.order import Order
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.model.requirement import Requirement
from pytest_orchestra.running.collect import Collection
from pytest_orchestra.running.elsewhere import Elsewhere
from pytest_orchestra.running.gates import NO_GATING, Gating
from pytest_orchestra.running.locate import locate
from pytest_orchestra.running.matrix_words import once_notes
from pytest_orchestra.running.ordering import Expectations, put_in_order
from pytest_orchestra.running.stage_words import empty_notes, pull_notes
from pytest_orchestra.running.unprovided import judge_unprovided
from pytest_orchestra.scheduling.analysis import analyse
from pytest_orchestra.scheduling.capacity import Stock, settle_stock
from pytest_orchestra.scheduling.cleanup import find_cleaners
from pytest_orchestra.scheduling.crew_size import CrewSize, size_crew, with_set_ups
from pytest_orchestra.scheduling.data import CLEANS, Pairing, pair
from pytest_orchestra.scheduling.engine import Engine, Tuning
from pytest_orchestra.scheduling.estimates import Estimates, number_segments
from pytest_orchestra.scheduling.fixtures import Fixtures, Kits
from pytest_orchestra.scheduling.forecast import MakeEngine
from pytest_orchestra.scheduling.foresight import Foresight
from pytest_orchestra.scheduling.graph import CycleError, Graph, Links, arrange, link
from pytest_orchestra.scheduling.names import Names
from pytest_orchestra.scheduling.placement import Barred, place
from pytest_orchestra.scheduling.pool import Pool
from pytest_orchestra.scheduling.retries import RetryPolicy
from pytest_orchestra.scheduling.score import Scores
from pytest_orchestra.scheduling.script import Script
from pytest_orchestra.scheduling.setups import SetUps
from pytest_orchestra.scheduling.sharding import Partition, split
from pytest_orchestra.scheduling.simulate import Simulation
from pytest_orchestra.scheduling.stage_order import Prerequisites, stage_cases
from pytest_orchestra.scheduling.staging import Staging


@dataclass(frozen=True, slots=True)
class Plan:
    """A run that can begin.

    ``blocked`` maps cases that cannot run to the reason; ``notes`` are lines for the user;
    ``foresight`` is there if it is known what tests take, and so is ``order``, by what they are
    ordered then. ``links`` and ``data`` say who needs what from whom. ``cleaners`` maps cases that clean up to
    those after which they do. ``known`` is what cases take, in seconds,
    by earlier runs. ``scores`` rank the cases, by
    what is ``expected`` of them; ``make_engine`` makes engines like the run's own, for predictions.
    ``is_scripted``: it goes like another run. ``crew`` says how many workers are of use, if that was asked for.
    """

    specs: tuple[CaseSpec, ...]
    graph: Graph
    pool: Pool
    engine: Engine
    blocked: Mapping[int, str]
    notes: tuple[str, ...]
    foresight: Foresight | None = None
    fixtures: Fixtures = field(default_factory=Fixtures)
    links: Links = field(default_factory=lambda: Links((), ()))
    data: Pairing = field(default_factory=Pairing)
    order: Order | None = None
    cleaners: Mapping[int, frozenset[int]] = field(default_factory=dict)
    known: Sequence[float | None] = ()
    is_scripted: bool = False
    crew: CrewSize | None = None
    scores: Scores = field(kw_only=True)
    expected: Expectations = field(kw_only=True)
    make_engine: MakeEngine = field(kw_only=True)

    def requirements(self) -> tuple[tuple[Requirement, ...], ...]:
        """Return what each case needs, and from whom."""
        return analyse(self.specs, self.links, self.data)


@dataclass(frozen=True, slots=True)
class _Settled:
    """What a collection comes to before it is known who runs it; see :class:`Plan`."""

    specs: tuple[CaseSpec, ...]
    graph: Graph
    stock: Stock
    barred: Barred
    blocked: Mapping[int, str]
    notes: tuple[str, ...]
    links: Links
    data: Pairing
    cleaners: Mapping[int, frozenset[int]]


@dataclass(frozen=True, slots=True)
class Scaling:
    """At most ``limit`` workers may be there, each of which takes ``start_up`` seconds to start."""

    limit: int
    start_up: float


def planned_order(plan: Plan) -> tuple[int, ...]:
    """Return all cases in the order in which one worker would run them; uses up the plan."""
    spans = Simulation(plan.engine, [1.0] * len(plan.specs), ("main",)).run()
    started = [span.case for span in spans]
    return (*started, *sorted(set(range(len(plan.specs))) - set(started)))


class Planner:
    """Makes plans from collections.

    ``capacities`` and ``problems`` come from the settings, ``hosts`` has what differs where
    workers are; ``elsewhere`` knows the files that were not collected; ``expected`` is what earlier
    runs say, and ``order`` by what tests are to be ordered; ``gating`` has the stages; ``is_timed`` as for
    :func:`.put_in_order`.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - each is a different thing that is known of the run
        self,
        rootpath: Path,
        capacities: Mapping[str, Capacity],
        hosts: Mapping[str, Mapping[str, Capacity]],
        problems: Iterable[Problem],
        elsewhere: Elsewhere,
        expected: Expectations,
        order: Order,
        *,
        gating: Gating = NO_GATING,
        is_timed: bool = True,
    ) -> None:
        self._gating = gating
        self._is_timed = is_timed
        self._expected = expected
        self._order = order
        self._rootpath = rootpath
        self._capacities = capacities
        self._hosts = hosts
        self._problems = tuple(problems)
        self._elsewhere = elsewhere

    def plan(  # noqa: PLR0913, PLR0917 - each is a different thing that is known of the run
        self,
        collection: Collection,
        workers: int,
        tuning: Tuning | None = None,
        lost_files: Mapping[str, str] = MappingProxyType({}),
        kits: Kits | None = None,
        script: Script | None = None,
        scaling: Scaling | None = None,
    ) -> Plan:
        """Return the plan for ``workers`` workers; raises UsageProblems, all in one.

        With ``scaling`` it is for as many workers as are of use.

        ``lost_files`` gave no tests, for the reason that they map to: what depends on something
        in them is blocked,
        and so is what depends on a name that nobody answers to, since it may lie there. ``kits``
        tell which fixtures cases share. ``script`` says how another run went that this one is to go like.
        """
        settled = self._settle(collection, lost_files)
        crew = None
        if scaling is not None:
            crew = self._size_crew(settled, kits, scaling)
            workers = crew.most
        plan = self._make(settled, workers, tuning, kits, script)
        return replace(
            plan, links=settled.links, data=settled.data, cleaners=settled.cleaners, crew=crew
        )

    def partition(
        self,
        collection: Collection,
        shards: int,
        costs: Mapping[tuple[str, str], float],
        lost_files: Mapping[str, str] = MappingProxyType({}),
        kits: Kits | None = None,
    ) -> Partition:
        """Cut a ``collection`` into so many ``shards``; raises UsageProblems, as :meth:`plan` does.

        ``costs`` are seconds of fixtures by name and scope.
        """
        settled = self._settle(collection, lost_files)
        specs = settled.specs
        seconds = [
            self._expected.durations.get(spec.nodeid, self._expected.guesses.get(spec.nodeid))
            for spec in specs
        ]
        prerequisites = settled.data.join(settled.links.prerequisites)
        return split(specs, prerequisites, seconds, shards, kits, costs)

    def _settle(self, collection: Collection, lost_files: Mapping[str, str]) -> _Settled:
        """Return what a ``collection`` comes to, or raise all that is wrong with it."""
        specs = collection.specs
        problems = [*self._problems, *collection.problems]
        blocked = dict(collection.blocked)
        notes = list(collection.notes)
        names = Names(specs)
        links = link(specs, names)
        data = pair(specs)
        problems += data.problems
        unprovided = judge_unprovided(data, specs, self._elsewhere, lost_files)
        problems += unprovided.problems
        blocked = {**unprovided.blocked, **blocked}
        notes += unprovided.notes
        for case, need in links.unresolved:
            file = self._elsewhere.find(need, specs[case])
            if file is not None and file in lost_files:
                blocked.setdefault(case, f"{file} {lost_files[file]}")
            elif file is not None:
                notes.append(
                    f"{specs[case].nodeid} depends on {need.target!r} in {file}, which was not "
                    "collected: taken as passed"
                )
            elif lost_files:
                blocked.setdefault(case, f"{need.target!r} was not collected")
            else:
                problems.append(_unresolved(need, case, specs, names))
        stock, found = settle_stock(specs, self._capacities, self._hosts)
        problems += found
        barred, homeless = place(specs, stock)
        problems += homeless if not found else ()
        graph = Graph((), (), ())
        try:
            graph = arrange(data.join(links.prerequisites))
        except CycleError as error:
            problems += [_cycle(cycle, specs) for cycle in error.cycles]
        if problems:
            raise UsageProblems(self._place(problems, specs))
        if self._gating.stages and specs:
            specs, graph, found_notes = self._stage(specs, graph, data.join(links.prerequisites))
            notes += found_notes
        cleaners = find_cleaners(specs, links, data)
        return _Settled(specs, graph, stock, barred, blocked, tuple(notes), links, data, cleaners)

    def _stage(
        self, specs: tuple[CaseSpec, ...], graph: Graph, prerequisites: Prerequisites
    ) -> tuple[tuple[CaseSpec, ...], Graph, tuple[str, ...]]:
        """Return the cases in the stages in which they run, the graph with gates, and lines for the user."""
        gating = self._gating
        last = len(gating.stages) - 1
        staging = Staging(
            gating.stages,
            tuple(last if spec.stage is None else spec.stage for spec in specs),
            frozenset(case for case, spec in enumerate(specs) if spec.nodeid in gating.quarantined),
            gating.is_reviewed,
        )
        staged = stage_cases(staging, prerequisites, graph)
        moved = list(specs)
        for pull in staged.pulls:
            moved[pull.case] = replace(specs[pull.case], stage=pull.stage)
        notes = (
            *pull_notes(staged.pulls, gating.stages, lambda case: specs[case].nodeid),
            *empty_notes(staged.graph.staging or staging),
            *once_notes(gating.stages, specs),
        )
        return tuple(moved), staged.graph, notes

    def _size_crew(self, settled: _Settled, kits: Kits | None, scaling: Scaling) -> CrewSize:
        specs, expected = settled.specs, self._expected
        seconds: list[float | None] = [expected.durations.get(spec.nodeid) for spec in specs]
        if any(each is not None for each in seconds):
            setups = SetUps(kits, expected.costs, [spec.nodeid for spec in specs])
            seconds = with_set_ups(seconds, setups.blocks())
        pool = Pool(settled.stock.overall())
        return size_crew(specs, settled.graph, pool, seconds, scaling.limit, scaling.start_up)

    def _make(
        self,
        settled: _Settled,
        workers: int,
        tuning: Tuning | None,
        kits: Kits | None,
        script: Script | None,
    ) -> Plan:
        specs, graph, stock = settled.specs, settled.graph, settled.stock
        ordering = put_in_order(
            specs,
            graph,
            stock,
            workers,
            self._expected,
            kits,
            self._order,
            is_timed=self._is_timed,
        )
        fixtures = self._fixtures(specs, kits)

        def make_engine(
            pool: Pool,
            scores: Scores,
            fixtures: Fixtures | None = None,
            script: Script | None = None,
        ) -> Engine:
            known = fixtures or self._fixtures(specs, kits)
            segments = number_segments(known.kits.places([spec.file for spec in specs]))
            return Engine(
                specs,
                graph,
                scores,
                pool,
                Estimates(segments, ordering.known, known),
                tuning,
                settled.barred,
                settled.cleaners,
                RetryPolicy(
                    {case: spec.retries for case, spec in enumerate(specs) if spec.retries}
                ),
                script,
            )

        pool = Pool(stock)
        return Plan(
            specs,
            graph,
            pool,
            make_engine(pool, ordering.scores, fixtures, script),
            settled.blocked,
            settled.notes,
            ordering.foresight,
            fixtures,
            order=ordering.order,
            known=ordering.known,
            is_scripted=script is not None,
            scores=ordering.scores,
            expected=self._expected,
            make_engine=make_engine,
        )

    def _fixtures(self, specs: Sequence[CaseSpec], kits: Kits | None) -> Fixtures:
        """Return what is known of shared fixtures before the run."""
        fixtures = Fixtures(kits, [spec.nodeid for spec in specs])
        for fixture, seconds in self._expected.costs.items():
            fixtures.learn(fixture, seconds)
        return fixtures

    def _place(self, problems: Sequence[Problem], specs: Sequence[CaseSpec]) -> tuple[Problem, ...]:
        """Find where each problem stands; what one marker does to many tests is told once."""
        by_nodeid = {spec.nodeid: spec for spec in specs}
        placed: dict[tuple[str, str, str], list[Problem]] = {}
        for problem in problems:
            spec = by_nodeid.get(problem.nodeid)
            where = problem.where or (locate(problem, spec, self._rootpath) if spec else "")
            key = (
                (where, problem.marker, problem.needle)
                if problem.marker
                else (where, "", problem.what)
            )
            placed.setdefault(key, []).append(replace(problem, where=where))
        return tuple(_once(alike) for alike in placed.values())


def _once(alike: Sequence[Problem]) -> Problem:
    first = alike[0]
    others = len({problem.nodeid for problem in alike}) - 1
    if not others:
        return first
    tests = "test" if others == 1 else "tests"
    return replace(first, what=f"{first.what} (and so for {others} more {tests})")


def _unresolved(need: Need, case: int, specs: Sequence[CaseSpec], names: Names) -> Problem:
    spec = specs[case]
    what = f"{spec.nodeid} depends on {need.target!r}, but nothing of that name was collected"
    remedy = "name a test, class, file, glob, or a name given with depends(name=...)"
    others = names.resolve(replace(need, match_params=False), case) if need.match_params else ()
    near = names.near(need.target, case)
    if others:
        what = (
            f"{spec.nodeid} depends on the same parameters of {need.target!r}, which has none such"
        )
        remedy = (
            f"it has {specs[others[0]].nodeid}: leave out match_params, or give them the same ids"
        )
    elif near:
        remedy = "did you mean " + " or ".join(repr(name) for name in near) + "?"
    return Problem(what, remedy, nodeid=spec.nodeid, marker=need.marker, needle=need.target)


def _cycle(cycle: Sequence[int], specs: Sequence[CaseSpec]) -> Problem:
    first = specs[cycle[0]]
    if len(cycle) == 1:
        what = f"{first.nodeid} depends on itself"
        remedy = "remove that dependency"
    else:
        path = " -> ".join(specs[case].nodeid for case in (*cycle, cycle[0]))
        what = f"dependency cycle: {path}"
        remedy = "remove one of these dependencies"
    own = CLEANS if first.cleans and not first.uses else "depends"
    marker = next((need.marker for need in first.needs), own)
    return Problem(what=what, remedy=remedy, nodeid=first.nodeid, marker=marker)
