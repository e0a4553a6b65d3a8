"""What a run leaves behind for the next: what each test did, and what shared fixtures cost."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_orchestra.model.attempt import Attempt


@dataclass(frozen=True, slots=True)
class CaseEvidence:
    """One test that ran, at least once.

    ``line`` is where its function stands, 0 if that is not known. ``body`` is a digest of that
    function's code, and begins with the Python that compiled it, as in ``cpython-311-0af3``; empty where
    there is none. ``seconds`` is for how long it kept its worker busy, all attempts there
    together, without the fixtures that others share; ``cpu_seconds`` and ``memory_peak``, in
    bytes, are of the last attempt. ``claims`` are the names of the resources that it takes, sorted.
    """

    nodeid: str
    attempts: tuple[Attempt, ...]
    line: int = 0
    body: str = ""
    seconds: float | None = None
    cpu_seconds: float | None = None
    memory_peak: int | None = None
    claims: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FixtureEvidence:
    """A fixture that outlives tests: name and scope as in Kits, and what it cost, in seconds."""

    name: str
    scope: str
    seconds: float


@dataclass(frozen=True, slots=True)
class RunEvidence:
    """One run.

    ``uuid`` is the run's alone, wherever its evidence is copied to. ``started`` is in seconds since
    the epoch. ``commit`` is None where there is no repository; ``is_clean`` says whether the
    files were those of the commit. ``environment`` is a text that is the same where outcomes
    should be: Python, platform, versions of packages. ``stopped`` says why the run ended early.
    ``flaky`` is how many tests passed after a failure, or failed where the same code had passed.
    """

    uuid: str
    started: float
    seconds: float
    cases: tuple[CaseEvidence, ...]
    fixtures: tuple[FixtureEvidence, ...] = ()
    commit: str | None = None
    is_clean: bool = False
    environment: str = ""
    workers: int = 1
    hosts: tuple[str, ...] = ()
    stopped: str | None = None
    flaky: int = 0
