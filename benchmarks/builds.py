"""Builds that are made up, each with one real failure: suites, their past, and what fails.

The model was chosen before any order was tuned against it, and is the same for all seeds:

- A suite has 200 to 800 tests in files of 4 to 40. Durations are log-normal, with a median of 50 ms and
  a sigma of 1.5, at most 20 s; each run deviates from them by a log-normal factor with a sigma of 0.1.
- In three files of ten, a module fixture is used by every other test; it costs 0.3 s (log-normal, sigma 0.8).
- One test in ten depends on one before it in its file. One in ten claims one of three resources, of
  which there are one, two and two tokens.
- Tests differ in how fragile they are: 0.3 % of their runs fail on average, of most far fewer (gamma, with
  a shape of 0.1). They have been run 12 times. Then 2 % of them were changed, and 0.5 % are new.
- One test fails. In half of the builds it is one of those that changed, are new, or failed in one of the last
  three runs, all of them alike (any, where there is none). In a quarter it is drawn by
  how fragile tests are, in a quarter it may be any.
- Builds have 2, 4 and 8 workers in turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from pytest_orchestra.history.estimates import Observed, expected_seconds, failure_probability
from pytest_orchestra.model.capacity import Capacity
from pytest_orchestra.model.case import CaseSpec, Claim
from pytest_orchestra.model.verdict import SUCCESS, Verdict
from pytest_orchestra.scheduling.capacity import Stock, settle_stock
from pytest_orchestra.scheduling.fixtures import Kits
from pytest_orchestra.scheduling.graph import Graph, arrange

WORKERS: Final = (2, 4, 8)

TESTS: Final = (200, 800)
PER_FILE: Final = (4, 40)
MEDIAN_SECONDS: Final = 0.05
SPREAD: Final = 1.5
LONGEST: Final = 20.0
DEVIATION: Final = 0.1

FIXTURE_SHARE: Final = 0.3
FIXTURE_SECONDS: Final = 0.3
FIXTURE_SPREAD: Final = 0.8

EDGE_SHARE: Final = 0.1
CLAIM_SHARE: Final = 0.1
RESOURCES: Final = {"db": Capacity(1), "browser": Capacity(2), "queue": Capacity(2)}

FRAGILITY: Final = 0.003
FRAGILITY_SHAPE: Final = 0.1
RUNS: Final = 12
LATELY: Final = 3
CHANGED_SHARE: Final = 0.02
NEW_SHARE: Final = 0.005

#: How often the failure is among the suspects, and how often it is drawn by fragility.
SUSPECTED: Final = 0.5
FRAGILE: Final = 0.25


@dataclass(frozen=True, slots=True)
class Build:
    """One run that is to come: what is known before it, and what really happens.

    ``known`` are expected seconds per case, None for new tests; ``failing`` probabilities, as the
    history estimates them. ``seconds`` is what cases take, without set-ups, and ``fails`` the one
    that fails. ``costs`` are seconds of fixtures by name and scope.
    """

    specs: tuple[CaseSpec, ...]
    graph: Graph
    stock: Stock
    kits: Kits
    costs: dict[tuple[str, str], float]
    known: tuple[float | None, ...]
    failing: tuple[float, ...]
    seconds: tuple[float, ...]
    fails: int
    workers: int

    @property
    def nodeids(self) -> list[str]:
        """The node ids of all cases."""
        return [spec.nodeid for spec in self.specs]


def make_build(seed: int, number: int, tests: tuple[int, int] = TESTS) -> Build:
    """Return build ``number`` of those that ``seed`` stands for; ``tests`` are how many it may have."""
    random = Random(f"{seed} {number}")
    files = tuple(_files(random, tests))
    size = sum(files)
    usual = [min(LONGEST, MEDIAN_SECONDS * random.lognormvariate(0.0, SPREAD)) for _ in range(size)]
    specs = tuple(_specs(files, random))
    kits, costs = _fixtures(files, random)
    fragility = [
        min(1.0, random.gammavariate(FRAGILITY_SHAPE, FRAGILITY / FRAGILITY_SHAPE)) for _ in usual
    ]
    pasts = [_past(each, fragile, random) for each, fragile in zip(usual, fragility, strict=True)]
    changed = [random.random() < CHANGED_SHARE for _ in specs]
    new = [random.random() < NEW_SHARE for _ in specs]
    stock, problems = settle_stock(specs, RESOURCES)
    assert not problems, problems
    suspects = [
        case
        for case, past in enumerate(pasts)
        if changed[case]
        or new[case]
        or any(each.verdict is Verdict.FAILED for each in past[-LATELY:])
    ]
    return Build(
        specs,
        arrange(tuple(_edges(files, random))),
        stock,
        kits,
        costs,
        tuple(
            None if is_new else expected_seconds(past)
            for past, is_new in zip(pasts, new, strict=True)
        ),
        tuple(
            failure_probability(() if new[case] else past, is_changed=changed[case])
            for case, past in enumerate(pasts)
        ),
        tuple(each * random.lognormvariate(0.0, DEVIATION) for each in usual),
        _culprit(suspects, fragility, random),
        WORKERS[number % len(WORKERS)],
    )


def _files(random: Random, tests: tuple[int, int]) -> Iterator[int]:
    """Yield the number of tests of each file."""
    left = random.randint(*tests)
    while left > 0:
        here = min(left, random.randint(*PER_FILE))
        yield here
        left -= here


def _specs(files: tuple[int, ...], random: Random) -> Iterator[CaseSpec]:
    names = tuple(RESOURCES)
    for number, here in enumerate(files):
        file = f"tests/test_{number:03}.py"
        for place in range(here):
            claims = {Claim(random.choice(names))} if random.random() < CLAIM_SHARE else set()
            yield CaseSpec(f"{file}::test_{place:02}", file=file, claims=frozenset(claims))


def _edges(files: tuple[int, ...], random: Random) -> Iterator[dict[int, frozenset[Verdict]]]:
    first = 0
    for here in files:
        for place in range(here):
            has_edge = place and random.random() < EDGE_SHARE
            yield {first + random.randrange(place): SUCCESS} if has_edge else {}
        first += here


def _fixtures(files: tuple[int, ...], random: Random) -> tuple[Kits, dict[tuple[str, str], float]]:
    """Return who uses which module fixture, and what each costs; kit 0 is empty."""
    costs: dict[tuple[str, str], float] = {}
    of_case: list[int] = []
    for number, here in enumerate(files):
        kit = 0
        if random.random() < FIXTURE_SHARE:
            fixture = ("service", f"tests/test_{number:03}.py")
            costs[fixture] = FIXTURE_SECONDS * random.lognormvariate(0.0, FIXTURE_SPREAD)
            kit = len(costs)
        of_case += [kit if place % 2 else 0 for place in range(here)]
    kits = ((), *((number,) for number in range(len(costs))))
    return Kits(tuple(costs), kits, tuple(of_case)), costs


def _past(usual: float, fragile: float, random: Random) -> list[Observed]:
    return [
        Observed(
            float(run),
            usual * random.lognormvariate(0.0, DEVIATION),
            Verdict.FAILED if random.random() < fragile else Verdict.PASSED,
        )
        for run in range(RUNS)
    ]


def _culprit(suspects: list[int], fragility: list[float], random: Random) -> int:
    drawn = random.random()
    if drawn < SUSPECTED and suspects:
        return random.choice(suspects)
    if SUSPECTED <= drawn < SUSPECTED + FRAGILE:
        return random.choices(range(len(fragility)), fragility)[0]
    return random.randrange(len(fragility))
