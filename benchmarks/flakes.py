"""How well flaky tests are told from others: made-up histories of tests whose kind is known.

``--size`` zoos from ``--seed`` on. The thresholds were chosen on seeds 1 to 8; what they are
worth has to be seen on others, such as 1001 and up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from benchmarks.flake_quarantine import Fate, quarantine
from benchmarks.flake_zoo import ASSOCIATED, POPULATION, TRUTH, Nature, Specimen, make_zoo
from benchmarks.machine import Machine
from benchmarks.measure import tell
from benchmarks.options import Options
from benchmarks.results import Bar, Report, Table, ratio, show
from pytest_orchestra.history.judgement.judge import Judgement, judge
from pytest_orchestra.model.flakes import Standing

#: Zoos.
SIZE: Final = 20

RETRIES: Final = (0, 2)

#: By number of retries: what share of those called flaky may be wrong, and of the flaky missed.
LIMITS: Final = {0: (0.05, 0.65), 2: (0.05, 0.4)}

#: Flake rates between which the calibration of the interval is told apart.
EDGES: Final = (0.0, 0.003, 0.01, 0.03, 0.1, 1.0)


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one test: the judgement in the end, and its fate in quarantine."""

    nature: Nature
    judgement: Judgement
    fate: Fate

    @property
    def has_rate(self) -> bool:
        """Whether it has one flake rate, and that above zero."""
        return self.nature.rate > 0 and not self.nature.worse

    @property
    def is_covered(self) -> bool:
        """Whether the interval holds the rate."""
        posterior = self.judgement.posterior
        return posterior.low <= self.nature.rate <= posterior.high


@dataclass(frozen=True, slots=True)
class Found:
    """All findings with so many ``retries``."""

    retries: int
    findings: tuple[Finding, ...]

    def precision(self, standing: str) -> float | None:
        """Return the share of those of this class that belong there."""
        told = [each for each in self.findings if each.judgement.standing == standing]
        return ratio(sum(TRUTH[each.nature.kind] == standing for each in told), len(told))

    def recall(self, standing: str) -> float | None:
        """Return the share of those that belong to this class that are in it."""
        true = [each for each in self.findings if TRUTH[each.nature.kind] == standing]
        return ratio(sum(each.judgement.standing == standing for each in true), len(true))

    def standings(self, kind: str) -> Counter[Standing]:
        """Return how tests of this kind were judged."""
        return Counter(e.judgement.standing for e in self.findings if e.nature.kind == kind)

    def coverage(self, low: float = 0.0, high: float = 1.0) -> tuple[float | None, int]:
        """Return the share of intervals that hold a rate from ``low`` to ``high``, and of how many."""
        some = [e for e in self.findings if e.has_rate and low <= e.nature.rate < high]
        return ratio(sum(each.is_covered for each in some), len(some)), len(some)

    def association(self, kind: str) -> tuple[float | None, float | None]:
        """Return how often an association is right, and how often it is found, among the flaky."""
        flaky = [e for e in self.findings if e.judgement.standing is Standing.FLAKY]
        told = [e for e in flaky if kind in {each.kind for each in e.judgement.associations}]
        true = [e for e in flaky if ASSOCIATED.get(e.nature.kind) == kind]
        right = sum(ASSOCIATED.get(e.nature.kind) == kind for e in told)
        return ratio(right, len(told)), ratio(right, len(true))

    @property
    def masked(self) -> int:
        """How many runs with a regression would have gone through quarantine."""
        return sum(each.fate.masked for each in self.findings)


def run(options: Options) -> Report:
    """Judge the tests of so many zoos, with and without retries."""
    machine = Machine.this()
    seeds = range(options.seed, options.seed + (options.size or SIZE))
    all_found = [Found(retries, tuple(_findings(seeds, retries))) for retries in RETRIES]
    return Report(
        "flakes",
        f"{len(seeds)} zoos of {sum(POPULATION.values())} tests over 200 commits, "
        f"seeds {seeds[0]} to {seeds[-1]}",
        machine,
        {
            "seeds": list(seeds),
            "tests": len(all_found[0].findings),
            **{f"retries_{found.retries}": _figures(found) for found in all_found},
        },
        tuple(table for found in all_found for table in _tables(found)),
        tuple(bar for found in all_found for bar in _bars(found)),
    )


def _findings(seeds: Sequence[int], retries: int) -> Iterable[Finding]:
    for seed in seeds:
        for specimen in make_zoo(seed, retries):
            yield find(specimen)
        tell(f"{retries} retries, seed {seed}")


def find(specimen: Specimen) -> Finding:
    """Judge one test in the end, and follow it through quarantine."""
    return Finding(specimen.nature, judge(specimen.observations), quarantine(specimen))


def _bars(found: Found) -> tuple[Bar, ...]:
    wrong, missed = LIMITS[found.retries]
    name = f"{found.retries} retries"
    return (
        Bar(f"{name}: 1 - precision of flaky", wrong, _less(found.precision("flaky"))),
        Bar(f"{name}: 1 - recall of flaky", missed, _less(found.recall("flaky"))),
        Bar(f"{name}: runs with a masked regression", 0, found.masked),
    )


def _less(share: float | None) -> float | None:
    return None if share is None else 1 - share


def _figures(found: Found) -> dict[str, object]:
    return {
        "classes": {
            each.value: {"precision": found.precision(each), "recall": found.recall(each)}
            for each in Standing
        },
        "associations": {
            kind: dict(zip(("precision", "recall"), found.association(kind), strict=True))
            for kind in sorted(set(ASSOCIATED.values()))
        },
        "judged": {kind: dict(found.standings(kind)) for kind in POPULATION},
        "coverage": found.coverage()[0],
        "coverage_by_rate": {
            f"{low:g} to {high:g}": found.coverage(low, high) for low, high in pairwise(EDGES)
        },
        "quarantine": _quarantine(found),
    }


def _quarantine(found: Found) -> dict[str, object]:
    fates = [each.fate for each in found.findings]
    noticed = sorted(fate.noticed for fate in fates if fate.noticed is not None)
    return {
        "bad_runs_in_quarantine": sum(fate.bad_runs for fate in fates),
        "masked": found.masked,
        "judged_flaky_while_broken": sum(fate.mistaken for fate in fates),
        "flaked_runs_in_quarantine": sum(fate.flaked for fate in fates),
        "let_through": sum(fate.let_through for fate in fates),
        "gated_by": dict(sum((fate.causes for fate in fates), Counter[str]())),
        "worse_tests": sum(fate.worse for fate in fates),
        "noticed_after_failures": noticed,
    }


def _tables(found: Found) -> tuple[Table, ...]:
    name = f"{found.retries} retries"
    classes = [
        (each.value, show(found.precision(each), 3), show(found.recall(each), 3))
        for each in Standing
        if each is not Standing.SUSPECT
    ]
    associations = [
        (kind, *(show(each, 3) for each in found.association(kind)))
        for kind in sorted(set(ASSOCIATED.values()))
    ]
    return (
        Table(f"{name}: classes", ("class", "precision", "recall"), (*classes, *associations)),
        Table(
            f"{name}: how each kind was judged",
            ("kind", *Standing),
            tuple(
                (kind, *(str(found.standings(kind)[each]) for each in Standing))
                for kind in POPULATION
            ),
        ),
        Table(
            f"{name}: how often the 90 % interval holds the rate",
            ("rate", "holds", "tests"),
            tuple(
                (f"{low:.1%} to {high:.1%}", show(share, 3), str(number))
                for low, high in (*pairwise(EDGES), (0.0, 1.0))
                for share, number in [found.coverage(low, high)]
            ),
        ),
        Table(
            f"{name}: quarantine",
            ("what", "how many"),
            tuple(
                (key.replace("_", " "), _tell(value)) for key, value in _quarantine(found).items()
            ),
        ),
    )


def _tell(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {number}" for key, number in value.items()) or "-"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return str(value)
