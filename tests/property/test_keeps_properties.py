"""Workers that keep fixtures, and tests elsewhere that need what these keep: whole runs in virtual time.

Not checked: how long anybody waits (see test_simulate_properties), and workers that die or say
things late (see test_engine_properties).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from engines import make_engine
from hypothesis import given, note, settings
from hypothesis import strategies as st
from shares import Shares, Wants
from uses import fixtures_of, used_on_worker

from pytest_orchestra.model.capacity import Capacity, Scope
from pytest_orchestra.model.case import CaseSpec, Claim, Hold, Mode
from pytest_orchestra.model.events import Fixture, TokensGranted, TokensWanted, WorkersJoined
from pytest_orchestra.scheduling.engine import Engine
from pytest_orchestra.scheduling.simulate import Others, Simulation

IS_STRESS: Final = os.environ.get("ORCHESTRA_STRESS") == "1"
RUNS: Final = 1000 if IS_STRESS else 100

CAPACITIES: Final = {"db": Capacity(3), "gpu": Capacity(2), "staging": Capacity(4, slots=2)}
#: What fixtures of each scope take.
FIXTURES: Final = {
    "session": (("pg", (Claim("db"),)), ("lock", (Claim("schema", mode=Mode.READ),))),
    "module": (
        ("tables", (Claim("db"),)),
        ("owner", (Claim("db", mode=Mode.WRITE),)),
        ("stage", (Claim("staging"),)),
    ),
    "class": (("card", (Claim("gpu"),)), ("both", (Claim("gpu"), Claim("db")))),
}
EXCLUSIVE: Final = (
    frozenset({Claim("db", mode=Mode.WRITE)}),
    frozenset({Claim("db", 3)}),
    frozenset({Claim("db", 3), Claim("gpu", 2)}),
    frozenset({Claim("db", mode=Mode.WRITE), Claim("schema", mode=Mode.WRITE)}),
)
OTHERS: Final = (
    frozenset[Claim](),
    frozenset({Claim("db", mode=Mode.READ)}),
    frozenset({Claim("gpu")}),
    frozenset({Claim("schema", mode=Mode.WRITE)}),
    frozenset({Claim("staging", 2)}),
)


def make_case(
    random: Random,
    case: int,
    claims: frozenset[Claim],
    fixtures: Iterable[tuple[str, str, tuple[Claim, ...]]],
    alone: float = 0.0,
) -> CaseSpec:
    """Make up a case with these claims, and fixtures (name, scope, claims)."""
    file = f"test_{case // 6}.py"
    scopes = {"session": "", "module": file, "class": f"{file}::TestIt{case // 3}"}
    return CaseSpec(
        f"{scopes['class']}::test_{case}",
        claims=claims,
        holds=tuple(Hold(name, scopes[scope], takes) for name, scope, takes in fixtures),
        alone=random.random() < alone,
        priority=random.choice((0.0, 0.0, 0.0, 5.0)),
    )


def make_specs(random: Random, cases: int) -> list[CaseSpec]:
    """Make up cases of which some keep ``db`` with a session fixture, and some need all of it."""
    known = [(name, scope, takes) for scope, each in FIXTURES.items() for name, takes in each]
    keeper = known[0]
    keeping, needing = random.choice((0.2, 0.5)), random.choice((0.1, 0.3))
    specs: list[CaseSpec] = []
    for case in range(cases):
        kind = random.random()
        if case == 0 or kind < keeping / 2:
            specs.append(make_case(random, case, frozenset(), [keeper]))
        elif case == 1 or kind > 1 - needing:
            specs.append(make_case(random, case, random.choice(EXCLUSIVE), []))
        else:
            used = [each for each in known if random.random() < keeping]
            specs.append(make_case(random, case, random.choice(OTHERS), used, alone=0.05))
    random.shuffle(specs)
    return specs


def check_use(
    simulation: Simulation, specs: Sequence[CaseSpec], capacities: Mapping[str, int]
) -> None:
    """Tests that run and fixtures that are up take no more than there is."""
    holds = {key: hold for spec in specs for key, hold in fixtures_of(spec).items()}
    for name, capacity in capacities.items():
        used = 0
        for worker, up in simulation.up.items():
            at_work = simulation.running.get(worker)
            running = [] if at_work is None else [specs[at_work[0]]]
            own = {fixture for spec in running for fixture in fixtures_of(spec)}
            idle = [holds[fixture] for fixture in up if fixture not in own]
            used += used_on_worker(name, capacity, running, idle)
        assert used <= capacity, f"{name} is overdrawn"


@settings(max_examples=RUNS, deadline=None)
@given(st.randoms(use_true_random=True), st.integers(2, 40), st.integers(1, 5))
def test_what_fixtures_keep_is_handed_over_when_another_test_needs_it(
    random: Random, cases: int, workers: int
) -> None:
    """Every case runs, once, and at no time is more in use than there is."""
    specs = make_specs(random, cases)
    seconds = [random.choice((0.0, 0.1, 1.0, random.uniform(0.0, 5.0))) for _ in specs]
    note(f"{specs}, {seconds}")
    engine = make_engine(
        specs,
        capacities=CAPACITIES,
        seconds=random.choice((seconds, None)),
        segments=[case // 6 for case in range(cases)],
        workers=workers,
        horizon=random.choice((0.0, 0.5, 20.0)),
        patience=random.choice((0.0, 1.0, 10.0)),
    )
    names = tuple(f"w{number}" for number in range(workers))
    simulation = Simulation(engine, seconds, names, specs=specs)
    simulation.tell(WorkersJoined(names), 0.0)
    tokens = {**{name: each.tokens for name, each in CAPACITIES.items()}, "schema": 1_000_000}
    check_use(simulation, specs, tokens)
    while simulation.next_end is not None:
        simulation.step()
        check_use(simulation, specs, tokens)
    assert engine.done
    assert sorted(span.case for span in simulation.spans) == list(range(cases))


# several runs

SHARED: Final = {"left": 1, "right": 1, "wide": 2}
MACHINE_WIDE: Final = {
    name: Capacity(tokens, scope=Scope.MACHINE) for name, tokens in SHARED.items()
}


@dataclass
class Run:
    """One of the runs that share something."""

    specs: Sequence[CaseSpec]
    engine: Engine
    simulation: Simulation

    def uses(self, name: str) -> int:
        """Return how much of ``name`` its tests and fixtures use at the moment."""
        holds = {key: hold for spec in self.specs for key, hold in fixtures_of(spec).items()}
        return sum(
            self._uses_on(worker, name, [holds[each] for each in up], up)
            for worker, up in self.simulation.up.items()
        )

    def _uses_on(
        self, worker: str, name: str, holds: Sequence[Hold], up: Mapping[Fixture, None]
    ) -> int:
        at_work = self.simulation.running.get(worker)
        running = [] if at_work is None else [self.specs[at_work[0]]]
        own = {fixture for spec in running for fixture in fixtures_of(spec)}
        idle = [hold for fixture, hold in zip(up, holds, strict=True) if fixture not in own]
        return used_on_worker(name, SHARED[name], running, idle)


class Neighbours:
    """Runs on one machine, and what they share."""

    def __init__(self) -> None:
        self.shares = Shares(SHARED)
        self.runs: list[Run] = []
        self.now = 0.0

    def add(self, specs: Sequence[CaseSpec], seconds: Sequence[float], workers: int) -> None:
        """Start another run."""
        number = len(self.runs)

        def acquire(case: int, wants: Wants) -> bool:
            self.shares.ask((number, case), wants)
            return False

        def give_back(case: int) -> None:
            self.shares.leave((number, case))

        engine = make_engine(specs, capacities=MACHINE_WIDE, workers=workers)
        names = tuple(f"w{each}" for each in range(workers))
        simulation = Simulation(
            engine, seconds, names, specs=specs, others=Others(acquire, give_back)
        )
        self.runs.append(Run(specs, engine, simulation))
        simulation.tell(WorkersJoined(names), self.now)

    def play_out(self) -> None:
        """Let all runs go on until nothing happens any more."""
        while self._go_on():
            for name, capacity in SHARED.items():
                has = [self.shares.out(name), sum(run.uses(name) for run in self.runs)]
                assert has[1] <= has[0] <= capacity, f"{name} is overdrawn"

    def _go_on(self) -> bool:
        """Let whoever is next have its tokens, tell the others who waits, and let a test end."""
        return self._grant() | self._demand() | self._step()

    def _grant(self) -> bool:
        holder = self.shares.next()
        if holder is None:
            return False
        assert isinstance(holder, tuple)
        self.shares.grant(holder)
        number, case = holder
        self.runs[number].simulation.tell(TokensGranted(case), self.now)
        return True

    def _demand(self) -> bool:
        has_told = False
        for number, run in enumerate(self.runs):
            wanted = {
                name
                for holder, wants in self.shares.waiting.items()
                for name, _ in wants
                if isinstance(holder, tuple) and holder[0] != number
            }
            for name in sorted(wanted & run.engine.kept_from_others()):
                run.simulation.tell(TokensWanted(name), self.now)
                has_told = True
        return has_told

    def _step(self) -> bool:
        ends = [run.simulation.next_end for run in self.runs]
        known = [(end, number) for number, end in enumerate(ends) if end is not None]
        if not known:
            return False
        self.now, number = min(known)
        self.runs[number].simulation.step()
        return True


def keeper(name: str, resource: str) -> CaseSpec:
    """Return a case with a session fixture that keeps ``resource``."""
    return CaseSpec(f"test_a.py::{name}", holds=(Hold("kept", "", (Claim(resource),)),))


def test_two_runs_that_keep_what_the_other_wants_both_end() -> None:
    """Each lets its fixture go down when it hears of the other."""
    neighbours = Neighbours()
    for mine, theirs in (("left", "right"), ("right", "left")):
        wanting = CaseSpec("test_a.py::test_2", claims=frozenset({Claim(theirs)}))
        neighbours.add([keeper("test_1", mine), wanting], [1.0, 1.0], 1)
    neighbours.play_out()
    assert [run.engine.done for run in neighbours.runs] == [True, True]
    assert not neighbours.shares.waiting


def test_what_was_acquired_along_with_what_a_fixture_keeps_comes_back_too() -> None:
    """It is given back as a whole: the fixture goes down for whatever part others wait for."""
    neighbours = Neighbours()
    both = replace(keeper("test_1", "right"), claims=frozenset({Claim("left"), Claim("right")}))
    neighbours.add([both], [1.0], 1)
    neighbours.add([CaseSpec("test_a.py::test_1", claims=frozenset({Claim("left")}))], [1.0], 1)
    neighbours.play_out()
    assert [run.engine.done for run in neighbours.runs] == [True, True]


def test_a_fixture_in_use_goes_down_for_another_run_before_its_next_user() -> None:
    """A run with many users of a fixture does not make others wait for all of them."""
    neighbours = Neighbours()
    neighbours.add([keeper(f"test_{each}", "left") for each in range(50)], [1.0] * 50, 1)
    neighbours.add([CaseSpec("test_a.py::test_1", claims=frozenset({Claim("left")}))], [1.0], 1)
    neighbours.play_out()
    (span,) = neighbours.runs[1].simulation.spans
    assert span.end < 10.0
    assert neighbours.runs[0].engine.done


def make_sharing(random: Random, cases: int) -> list[CaseSpec]:
    """Make up cases that claim, and keep, what several runs share."""
    claims = [Claim("left"), Claim("right"), Claim("wide"), Claim("wide", 2)]
    fixtures = [
        ("one", "session", (Claim("left"),)),
        ("other", "module", (Claim("right"),)),
        ("half", random.choice(("session", "class")), (Claim("wide"),)),
    ]
    return [
        make_case(
            random,
            case,
            frozenset({each.resource: each for each in random.choices(claims, k=2)}.values())
            if random.random() < 0.5
            else frozenset(),
            [each for each in fixtures if random.random() < 0.3],
        )
        for case in range(cases)
    ]


@settings(max_examples=RUNS, deadline=None)
@given(st.randoms(use_true_random=True), st.integers(2, 3))
def test_runs_that_share_and_keep_things_all_end(random: Random, runs: int) -> None:
    """Nobody waits for ever, and together they never have more than there is."""
    neighbours = Neighbours()
    for _ in range(runs):
        specs = make_sharing(random, random.randint(1, 15))
        note(str(specs))
        seconds = [random.choice((0.0, 0.5, 1.0, 3.0)) for _ in specs]
        neighbours.add(specs, seconds, random.randint(1, 3))
    neighbours.play_out()
    for run in neighbours.runs:
        assert run.engine.done
        assert sorted(span.case for span in run.simulation.spans) == list(range(len(run.specs)))
    assert not neighbours.shares.waiting
