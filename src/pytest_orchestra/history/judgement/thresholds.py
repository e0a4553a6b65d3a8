"""The numbers that the judgement rests on, in one place.

They were chosen on seeds 1 to 8 of ``python -m benchmarks flakes`` and then left alone: who changes
them has to measure anew, on seeds that were not looked at. The figures are in docs/flakes.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What is assumed of tests in general, and how sure one must be to say something of one.

    Assumed: ``breaks`` and ``mends`` are the chances that a commit breaks a good test, and mends
    a broken one; ``starts_bad`` that the first one finds it broken, ``dirty_bad`` that uncommitted
    changes break it. A broken test fails with ``bad_fails``. ``repeats`` is the chance that a
    good test which failed fails once more in the same run: causes of failures last. ``flaky_prior``
    is the share of tests that are flaky, and others fail by chance with ``noise``.

    Said: a test is flaky, a suspect or broken when that is at least so probable. Without a failure
    it is new for ``new_runs`` runs. It is mended when that many passes in a row have at most this
    chance, an association is told at this chance for all candidates together, and a quarantined
    test fails unlike itself when its latest ``recent`` runs have at most that chance.
    """

    breaks: float = 0.01
    mends: float = 0.2
    starts_bad: float = 0.05
    dirty_bad: float = 0.3
    bad_fails: float = 0.999
    repeats: float = 0.3
    flaky_prior: float = 0.05
    noise: float = 1e-6
    flaky: float = 0.9
    suspect: float = 0.1
    broken: float = 0.9
    new_runs: int = 10
    mended: float = 0.001
    associated: float = 0.01
    unlike: float = 0.001
    recent: int = 20


DEFAULTS: Final = Thresholds()
