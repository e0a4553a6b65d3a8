"""What a run shows about the suite: what would make it better, and how good it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Topic(StrEnum):
    """What a recommendation is about."""

    RESOURCE = "resource"
    WORKERS = "workers"
    FIXTURE = "fixture"
    FLAKY = "flaky"
    SPLIT = "split"
    PREREQUISITE = "prerequisite"
    DEPENDENCY = "dependency"
    COVERAGE = "coverage"


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One thing that would make the suite better.

    ``text`` says in a sentence what was found and ``remedy`` what to do about it, both without a final stop.
    ``gain`` is by how many seconds a run like this one is predicted to be shorter, None where it
    is not a matter of time. ``figures`` are names and figures that it was concluded from. ``cases``
    are the first of the ``total`` tests that it is about, as indices of the run's.
    """

    topic: Topic
    text: str
    remedy: str
    gain: float | None = None
    figures: tuple[tuple[str, str], ...] = ()
    cases: tuple[int, ...] = ()
    total: int = 0


class Grade(StrEnum):
    """A score in a letter."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"


@dataclass(frozen=True, slots=True)
class QualityPart:
    """One thing that the score is made of: ``value``, 0.0 to 1.0, counts with ``weight``; ``why`` tells of what."""

    name: str
    value: float
    weight: int
    why: str


@dataclass(frozen=True, slots=True)
class Quality:
    """How good the suite was in this run, 0 to 100.

    ``parts`` are known; ``unknown`` are names of others, each with why there is no evidence of it.
    """

    score: float
    grade: Grade
    parts: tuple[QualityPart, ...]
    unknown: tuple[tuple[str, str], ...] = ()

    @property
    def formula(self) -> str:
        """How the score comes about: ``(40 x 0.98 passing + 15 x 1.00 complete) / 55 = 98.5 %``."""
        terms = " + ".join(f"{part.weight} x {part.value:.2f} {part.name}" for part in self.parts)
        total = sum(part.weight for part in self.parts)
        return f"({terms}) / {total} = {self.score:.1f} %"


@dataclass(frozen=True, slots=True)
class Link:
    """A file or directory that another tool wrote in this run; ``path`` counts from the root directory."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """``percent`` of the code was run, of which ``source`` tells; ``least`` is what there should be."""

    percent: float
    least: float
    source: str
