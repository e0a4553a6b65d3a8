"""The history as a run sees it: something to ask before, and to tell after, which may fail.

Whatever is wrong with the files costs the user one line, and never the run. Nothing that was in
them is lost: what cannot be read is set aside or left alone.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from pytest_orchestra.history.estimates import (
    expected_seconds,
    failure_probability,
    recent_median,
)
from pytest_orchestra.history.pace import pace_of
from pytest_orchestra.history.places import (
    clean_up,
    identify,
    is_on_network,
    is_there,
    prepare,
    run_files,
    runs_folder,
    set_aside,
)
from pytest_orchestra.history.reading import Known, Past
from pytest_orchestra.history.recent import KEPT
from pytest_orchestra.history.renames import Trace, find_renames
from pytest_orchestra.history.retention import DAY, Retention
from pytest_orchestra.history.store import PATIENCE, NoLogError, Store
from pytest_orchestra.history.trouble import explain
from pytest_orchestra.history.writing import python_of
from pytest_orchestra.model.evidence import RunEvidence

T = TypeVar("T")

_NO_RATES: Final[Mapping[str, float | None]] = {}

#: For how many seconds a run waits before it begins for others who keep it from reading.
READING_PATIENCE: Final = 2.0

#: So often a run that finds a corrupt history, or that others have just set one aside, begins anew.
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Recollection:
    """What earlier runs say of the one that is coming.

    ``seconds`` are expected durations and ``failing`` probabilities of failure, by node id;
    ``costs`` are seconds of fixtures by name and scope. ``renamed`` maps node ids to those that the
    tests had before; ``flaking`` is how often those fail by chance that were judged flaky, 0.0 to 1.0.
    Of tests that are not in ``seconds`` nothing is known. ``tests`` are their recent outcomes, by node id.
    """

    seconds: Mapping[str, float] = field(default_factory=dict)
    failing: Mapping[str, float] = field(default_factory=dict)
    costs: Mapping[tuple[str, str], float] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    flaking: Mapping[str, float] = field(default_factory=dict)
    tests: Mapping[str, Past] = field(default_factory=dict)

    def pace(self) -> float:
        """Return by what to multiply ``seconds`` for what they come to in a run."""
        return pace_of(
            (seconds, self.tests[nodeid].observed) for nodeid, seconds in self.seconds.items()
        )


class Archive:
    """The history at ``path``, which people know as ``shown``.

    ``tell`` is called with a line for the user, at most once. ``patience`` is for how many
    seconds to wait for others who write.
    """

    def __init__(
        self,
        path: Path,
        shown: str,
        tell: Callable[[str], None],
        retention: Retention | None = None,
        patience: float = PATIENCE,
    ) -> None:
        #: Past links: what is set aside, and what SQLite keeps beside it, lies there.
        self._path = Path(os.path.realpath(path))
        self._shown = shown
        self._tell = tell
        self._retention = retention or Retention()
        self._patience = patience
        self._has_told = False
        self._is_off = False

    def recall(
        self, tests: Sequence[Trace], environment: str, is_gone: Callable[[str], bool]
    ) -> Recollection:
        """Return what is known of ``tests``, all that were collected.

        ``environment`` is that of the coming run; ``is_gone`` says of a node id, which was not
        collected, whether there is certainly no such test any more.
        """
        known: list[Known] = []
        former: dict[str, Trace] = {}
        python = next((python_of(test.body) for test in tests if test.body), "")
        nodeids = [test.nodeid for test in tests]
        for path in self._readable():
            with self._forgiving(path, reading=True), self._read(path) as store:
                known.append(store.known(nodeids, environment, python))
                fresh = _fresh(tests, known)
                if fresh:
                    found = store.traces(test.body for test in fresh)
                    former |= {each.nodeid: each for each in found}
        collected = set(nodeids)
        gone = [each for name, each in former.items() if name not in collected and is_gone(name)]
        renamed = find_renames(_fresh(tests, known), gone)
        if renamed:
            known += self._known_before(renamed, environment, python)
        return _recollect(tests, _join(known), renamed)

    def ask(self, question: Callable[[Store], T]) -> list[T]:
        """Put a ``question`` to every file, and return the answers of those that can be read.

        Once something is wrong with one nobody is asked any more: the next would only have to
        wait for a lock as long as this one did.
        """
        answers: list[T] = []
        if self._has_told:
            return answers
        for path in self._readable():
            with self._forgiving(path, reading=True), self._read(path) as store:
                answers.append(question(store))
        return answers

    def keep(
        self,
        run: RunEvidence,
        renamed: Mapping[str, str],
        rates: Mapping[str, float | None] = _NO_RATES,
    ) -> None:
        """Add ``run``; ``renamed`` is what :meth:`recall` found.

        ``rates`` are those of tests that were judged after it, None for those that are not flaky.
        """
        if self._is_off:
            return
        for _ in range(_TRIES):  # what is found to be corrupt is set aside, and another one begun
            with self._forgiving(self._path, reading=False) as outcome:
                self._write(run, renamed, rates)
            if not outcome.is_set_aside:
                return

    # reading

    def _readable(self) -> list[Path]:
        own = [self._path] if is_there(self._path) else []
        return own + run_files(self._path)[:KEPT]

    def _read(self, path: Path) -> Store:
        patience = min(self._patience, READING_PATIENCE)
        return Store.open_to_read(path, patience=patience, is_final=path != self._path)

    def _known_before(
        self, renamed: Mapping[str, str], environment: str, python: str
    ) -> Iterator[Known]:
        """Yield what is known of tests under their former names, by their new ones."""
        for known in self.ask(lambda store: store.known(renamed.values(), environment, python)):
            before = known.tests
            yield Known({new: before[old] for new, old in renamed.items() if old in before})

    # writing

    def _write(
        self, run: RunEvidence, renamed: Mapping[str, str], rates: Mapping[str, float | None]
    ) -> None:
        prepare(self._path)
        if not is_on_network(self._path):
            with contextlib.suppress(NoLogError):
                with Store.open(self._path, patience=self._patience) as store:
                    store.add(run, renamed, self._retention, rates)
                return
        folder = runs_folder(self._path)
        folder.mkdir(exist_ok=True)
        part = folder / f"{run.uuid}.part"
        try:
            with Store.open(part, patience=self._patience, several=False) as store:
                store.add(run, rates=rates)
            part.replace(folder / f"{run.uuid}.sqlite3")
        finally:
            part.unlink(missing_ok=True)
        clean_up(folder, self._retention.runs, self._retention.days * DAY)

    # bad luck

    @contextlib.contextmanager
    def _forgiving(self, path: Path, *, reading: bool) -> Iterator[_Outcome]:
        """Tell the user what goes wrong in here, and go on without it."""
        identity = identify(path)
        outcome = _Outcome()
        try:
            yield outcome
        except Exception as error:  # noqa: BLE001 - damage shows in any way, and never ends a run
            trouble = explain(path, error)
            is_same = identity is not None and identify(path) == identity
            # What may not be written to may be read in the middle of somebody else's change; what is
            # not there any more has been set aside by somebody else.
            if trouble.is_corrupt and (os.access(path, os.W_OK) or not is_same):
                outcome.is_set_aside = self._set_aside(path, identity, trouble.text)
            elif reading and not is_same:
                pass  # somebody else has just set it aside: there is nothing to be known
            elif reading:
                # Who has a lock now may have gone when the run is over.
                self._is_off = not trouble.is_passing
                hope = ", if that is still so at its end" if trouble.is_passing else ""
                self._warn(
                    path, f"{trouble.text}: this run goes without it, and is not added{hope}"
                )
            else:
                self._warn(path, f"{trouble.text}: this run is not added to it")
        except KeyboardInterrupt:
            if reading:
                raise
            self._warn(path, "could not be written before Ctrl-C: this run is not added to it")

    def _set_aside(self, path: Path, identity: tuple[int, int] | None, what: str) -> bool:
        try:
            target = set_aside(path, identity)
        except OSError as failure:
            self._is_off = True
            reason = failure.strerror or str(failure)
            self._warn(path, f"{what} and cannot be set aside ({reason})")
            return False
        if target is not None:
            self._warn(path, f"{what}: kept as {target.name}, and begun anew")
        return True

    def _warn(self, path: Path, what: str) -> None:
        if not self._has_told:
            self._has_told = True
            shown = self._shown if path == self._path else f"{self._shown} ({path.name})"
            self._tell(f"history {shown} {what}")


@dataclass(slots=True)
class _Outcome:
    """What has become of an attempt that failed."""

    is_set_aside: bool = False


def _fresh(tests: Sequence[Trace], known: Sequence[Known]) -> list[Trace]:
    """Return the tests of which nothing is known under their names."""
    names: set[str] = set().union(*(each.tests for each in known))
    return [test for test in tests if test.body and test.nodeid not in names]


def _join(known: Sequence[Known]) -> Known:
    """Put together what several files know."""
    if len(known) == 1:
        return known[0]
    tests: dict[str, Past] = {}
    costs: dict[tuple[str, str], tuple[Past, ...]] = {}
    for each in known:
        for nodeid, past in each.tests.items():
            tests[nodeid] = _later(tests[nodeid], past) if nodeid in tests else past
        for fixture, observed in each.costs.items():
            costs[fixture] = (*costs.get(fixture, ()), Past(observed))
    joined = {
        fixture: tuple(sorted(one for past in pasts for one in past.observed))
        for fixture, pasts in costs.items()
    }
    return Known(tests, joined)


def _later(one: Past, other: Past) -> Past:
    """Put together what two files say of one test; of its code the one that saw it last."""
    observed = tuple(sorted((*one.observed, *other.observed)))[-KEPT:]
    first, last = sorted((one, other), key=lambda past: past.observed[-1:])
    judged = max(one, other, key=lambda past: past.judged)
    return Past(observed, last.body or first.body, judged.flaking, judged.judged)


def _recollect(tests: Sequence[Trace], known: Known, renamed: Mapping[str, str]) -> Recollection:
    seconds: dict[str, float] = {}
    failing: dict[str, float] = {}
    flaking: dict[str, float] = {}
    for test in tests:
        past = known.tests.get(test.nodeid)
        if past is None:
            failing[test.nodeid] = failure_probability(())
            continue
        is_changed = bool(test.body and past.body) and test.body != past.body
        failing[test.nodeid] = failure_probability(past.observed, is_changed=is_changed)
        if past.flaking is not None and 0.0 <= past.flaking <= 1.0:
            flaking[test.nodeid] = past.flaking
        expected = expected_seconds(past.observed)
        if expected is not None and _is_sane(expected):
            seconds[test.nodeid] = expected
    costs = {
        fixture: cost
        for fixture, observed in known.costs.items()
        if (cost := recent_median([each.seconds for each in observed])) is not None
        and _is_sane(cost)
    }
    return Recollection(seconds, failing, costs, renamed, flaking, known.tests)


def _is_sane(seconds: float) -> bool:
    """Whether that can have been measured: a byte that was changed may make anything of it."""
    return 0.0 <= seconds < math.inf
