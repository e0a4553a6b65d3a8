"""How far a run went as the one that was recorded: what differed, and which failures came again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_orchestra.model.dispatch import Deed, Recording, failed, outcomes
from pytest_orchestra.model.verdict import FAILURE, Verdict

#: Who ran a test, each time, and which test before it; empty for none.
_Places = dict[str, list[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Fidelity:
    """What a run that was replayed had in common with its recording.

    ``failures`` are the tests that had failed, ``again`` those of them that did so again, ``missing`` those
    that were not there, and ``unrun`` those that were, and did not run. ``outcomes``,
    ``places`` and ``crashes`` are differences in words, each in the order of the recording: tests that came
    to something else, ran elsewhere or after another test, and workers that went down in one run only.
    """

    failures: tuple[str, ...]
    again: tuple[str, ...]
    outcomes: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    crashes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unrun: tuple[str, ...] = ()

    @property
    def differences(self) -> tuple[str, ...]:
        """All differences, what weighs most first."""
        return (*self.crashes, *self.outcomes, *self.places)


def compare(recorded: Recording, replayed: Recording) -> Fidelity:
    """Return what ``replayed`` has in common with ``recorded``.

    Tests that are in one of them only are no differences: there was no choice.
    """
    before, after = _outcomes(recorded), _outcomes(replayed)
    common = set(recorded.nodeids) & set(replayed.nodeids)
    failures = tuple(nodeid for nodeid, found in before.items() if failed(found))
    return Fidelity(
        failures=failures,
        again=tuple(nodeid for nodeid in failures if failed(after.get(nodeid, ()))),
        outcomes=tuple(_other_outcomes(before, after, common)),
        places=tuple(_other_places(recorded, replayed, before)),
        crashes=tuple(_other_crashes(recorded, replayed)),
        missing=tuple(nodeid for nodeid in failures if nodeid not in common),
        unrun=tuple(nodeid for nodeid in failures if nodeid in common and nodeid not in after),
    )


def _outcomes(recording: Recording) -> dict[str, list[tuple[Verdict, str]]]:
    nodeids = recording.nodeids
    return {nodeids[case]: found for case, found in outcomes(recording.dispatch).items()}


def _other_outcomes(
    before: dict[str, list[tuple[Verdict, str]]],
    after: dict[str, list[tuple[Verdict, str]]],
    common: set[str],
) -> Iterator[str]:
    for nodeid, attempts in before.items():
        if nodeid not in common:
            continue
        was = [verdict for verdict, _ in attempts]
        is_now = [verdict for verdict, _ in after.get(nodeid, ())]
        worker = attempts[-1][1]
        if not is_now:
            yield f"{nodeid} did not run, where it {_past(was[-1])} ({worker})"
        elif was[-1] != is_now[-1]:
            yield f"{nodeid} {_past(is_now[-1])}, where it had {_perfect(was[-1])} ({worker})"
        elif _failures(was) != _failures(is_now):
            yield (
                f"{nodeid} failed {_times(_failures(is_now))}, where it had {_times(_failures(was))} "
                f"({worker})"
            )
    for nodeid, attempts in after.items():
        if nodeid not in before and nodeid in common:
            verdict, worker = attempts[-1]
            yield f"{nodeid} {_past(verdict)} ({worker}), where it had not come to its end"


def _failures(verdicts: list[Verdict]) -> int:
    return sum(verdict in FAILURE for verdict in verdicts)


def _other_places(
    recorded: Recording, replayed: Recording, before: dict[str, list[tuple[Verdict, str]]]
) -> Iterator[str]:
    was, is_now = _places(recorded), _places(replayed)
    for nodeid, places in was.items():
        if nodeid not in is_now or nodeid not in before or is_now[nodeid] == places:
            continue
        pairs = zip(places, is_now[nodeid], strict=False)
        old, new = next((pair for pair in pairs if pair[0] != pair[1]), (places[-1], places[-1]))
        if old != new:
            yield f"{nodeid} ran {_place(new)}, where it had {_place(old)}"


def _places(recording: Recording) -> _Places:
    """Return where each test ran, and after which one there."""
    found: _Places = {}
    last: dict[str, str] = {}
    for step in recording.dispatch:
        if step.deed is Deed.RUN and step.case is not None:
            nodeid = recording.nodeids[step.case]
            found.setdefault(nodeid, []).append((step.worker, last.get(step.worker, "")))
            last[step.worker] = nodeid
    return found


def _other_crashes(recorded: Recording, replayed: Recording) -> Iterator[str]:
    was, is_now = _crashes(recorded), _crashes(replayed)
    for nodeid in was:
        if nodeid not in is_now and nodeid in replayed.nodeids:
            yield f"no worker went down with {nodeid}, where {was[nodeid]} had"
    for nodeid in is_now:
        if nodeid not in was:
            yield f"{is_now[nodeid]} went down with {nodeid}, where no worker had"


def _crashes(recording: Recording) -> dict[str, str]:
    return {
        recording.nodeids[step.case]: step.worker
        for step in recording.dispatch
        if step.deed is Deed.LOST and step.case is not None
    }


def _past(verdict: Verdict) -> str:
    return {
        Verdict.ERROR: "had an error",
        Verdict.SKIPPED: "was skipped",
        Verdict.FLAKY: "was flaky",
    }.get(verdict, str(verdict))


def _perfect(verdict: Verdict) -> str:
    """Return what goes on from "it had"."""
    return {
        Verdict.ERROR: "an error",
        Verdict.SKIPPED: "been skipped",
        Verdict.FLAKY: "been flaky",
    }.get(verdict, str(verdict))


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _place(place: tuple[str, str]) -> str:
    worker, previous = place
    return f"on {worker} " + (f"after {previous}" if previous else "first of all")
