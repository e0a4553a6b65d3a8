"""A status in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from pytest_orchestra.live.status import StageState, StageStatus, Status, Waiting, WorkerStatus
from pytest_orchestra.model.verdict import Verdict

#: Verdicts that are worth a word while the run goes on.
_TOLD: Final = (Verdict.FAILED, Verdict.ERROR, Verdict.FLAKY, Verdict.BLOCKED, Verdict.NOT_RUN)

#: A terminal with fewer columns or lines than this gets one line.
NARROW: Final = 60
LOW: Final = 10

_MINUTE: Final = 60
_HOUR: Final = 3600


def spell(seconds: float) -> str:
    """Return ``45 s``, ``3 min 10 s`` or ``1 h 2 min``."""
    whole = max(0, int(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        minutes, rest = divmod(whole, _MINUTE)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(whole // _MINUTE, _MINUTE)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def minute_line(status: Status, now: float) -> str:
    """Return where the run stands at ``now``, in one line of a log."""
    parts = [f"{_done(status)}{_bad(status)}"]
    parts += [f"{len(status.busy):,} running", f"{status.ready:,} ready"]
    if status.waiting:
        waits = ", ".join(f"{each.tests:,} for {each.what}" for each in status.waiting)
        parts.append(f"{_all_waiting(status):,} wait ({waits})")
    parts += _end(status, now)
    line = f"{spell(now)}: {', '.join(parts)}"
    if status.stages:
        line += f"; {_stages(status.stages)}"
    if status.busy:
        longest = status.busy[0]
        line += f"; longest running: {longest.test} {spell(now - longest.since)} on {longest.name}"
    return line


def screen_lines(status: Status, now: float, columns: int, rows: int) -> list[str]:
    """Return what is shown at the bottom of a terminal of so many ``columns`` and ``rows``."""
    if columns < NARROW or rows < LOW:
        return [_single_line(status, now, columns)]
    room = max(2, rows // 3) - 1
    lines = [_first_that_fits(_headlines(status, now), columns)]
    if status.waiting:
        lines.append(_first_that_fits(_wait_lines(status, now), columns))
        room -= 1
    if status.stages and room > 1:
        lines.append(_first_that_fits(_stage_lines(status.stages), columns))
        room -= 1
    shown = status.workers
    if len(shown) > room:
        # Who has run for longest is who one wants to see.
        shown = (*status.busy, *(each for each in status.workers if not each.test))[: room - 1]
    lines += _worker_lines(shown, now, columns)
    if len(shown) < len(status.workers):
        lines.append(f"and {len(status.workers) - len(shown)} more workers")
    return lines


def _headlines(status: Status, now: float) -> Iterable[str]:
    """Yield the first line, in ever fewer words."""
    time = [spell(now), *_end(status, now)]
    yield f"{_done(status)}{_bad(status)}, {status.ready:,} ready; {', '.join(time)}"
    yield f"{_done(status)}{_bad(status)}; {', '.join(time)}"
    yield f"{_done(status)}{_bad(status)}; {time[-1]}"
    yield f"{_done(status)}{_bad(status)}"


def _single_line(status: Status, now: float, columns: int) -> str:
    if not status.busy:
        return _first_that_fits(_headlines(status, now), columns)
    head = f"{status.done:,}/{status.tests:,}{_bad(status)}"
    longest = status.busy[0]
    test = (longest.test or "").rpartition("::")[2]
    line = f"{head}; {longest.name} {test} {spell(now - longest.since)}"
    others = len(status.busy) - 1
    return _first_that_fits([f"{line} and {others} more" if others else line, line, head], columns)


def _wait_lines(status: Status, now: float) -> Iterable[str]:
    """Yield the line on who waits, in ever fewer words."""
    total = f"{_all_waiting(status):,} wait"
    if len(status.waiting) == 1:
        yield f"{total} {_wait(status.waiting[0], now).partition(' ')[2]}"
    yield f"{total}: {', '.join(_wait(each, now) for each in status.waiting)}"
    yield f"{total}: {', '.join(f'{each.tests:,} for {each.what}' for each in status.waiting)}"
    yield f"{total}: {status.waiting[0].tests:,} for {status.waiting[0].what}"
    yield total


def gates_of(stages: Sequence[str]) -> str:
    """Return what tests wait for that are behind the gates of ``stages``."""
    return f"the gate{'s' if len(stages) > 1 else ''} of {' and '.join(stages)}"


def _stages(stages: Iterable[StageStatus]) -> str:
    return f"stages: {', '.join(map(_stage, stages))}"


def _stage(stage: StageStatus) -> str:
    if stage.waits_for:
        return f"{stage.name} waits for {' and '.join(stage.waits_for)}"
    if stage.state in {StageState.WAITS, StageState.HELD}:
        return f"{stage.name} {stage.state}"
    is_judged = stage.state is not StageState.OPEN
    parts = [str(stage.state)] if is_judged else []
    if not is_judged or stage.done < stage.tests:
        parts.append(f"{stage.done:,} of {stage.tests:,} done")
    parts += [f"{stage.failed:,} failed"] if stage.failed else []
    return f"{stage.name} {parts[0]}" + (f" ({', '.join(parts[1:])})" if parts[1:] else "")


def _stage_lines(stages: Sequence[StageStatus]) -> Iterable[str]:
    """Yield the line on stages, in ever fewer words: what goes wrong, and what goes on, is last to be left out."""
    yield _stages(stages)
    for wanted in (
        {StageState.OPEN, StageState.FAILED, StageState.HELD},
        {StageState.OPEN, StageState.FAILED},
        {StageState.FAILED},
    ):
        shown = [each for each in stages if each.state in wanted]
        if shown:
            yield f"{_stages(shown)}, and {len(stages) - len(shown)} more"
    counts = Counter(stage.state for stage in stages)
    yield f"stages: {', '.join(f'{count} {state}' for state, count in counts.items())}"


def _wait(waiting: Waiting, now: float) -> str:
    more = [] if waiting.since is None else [spell(now - waiting.since)]
    if waiting.holders:
        more.append(f"held by {', '.join(waiting.holders)}")
    return f"{waiting.tests:,} for {waiting.what}" + (f" ({', '.join(more)})" if more else "")


def _worker_lines(workers: Sequence[WorkerStatus], now: float, columns: int) -> Iterable[str]:
    width = max((len(each.name) for each in workers), default=0)
    for each in workers:
        if each.test is None:
            yield f"{each.name.ljust(width)}  {'':>9}  idle"
            continue
        begin = f"{each.name.ljust(width)}  {spell(now - each.since):>9}  "
        yield begin + end_of(each.test, columns - len(begin))


def end_of(text: str, width: int) -> str:
    """Return ``text`` in at most ``width`` letters; what is left out is at its beginning."""
    if len(text) <= width:
        return text
    return f"…{text[len(text) - width + 1 :]}" if width > 1 else ""


def _first_that_fits(lines: Iterable[str], columns: int) -> str:
    line = ""
    for line in lines:
        if len(line) <= columns:
            return line
    return f"{line[: columns - 1]}…"


def _done(status: Status) -> str:
    return f"{status.done:,} of {status.tests:,} done"


def _bad(status: Status) -> str:
    counts = [f"{status.counts[each]:,} {each}" for each in _TOLD if status.counts.get(each)]
    return f" ({', '.join(counts)})" if counts else ""


def _all_waiting(status: Status) -> int:
    return sum(each.tests for each in status.waiting)


def _end(status: Status, now: float) -> Sequence[str]:
    if status.stopping:
        return ["stopping"]
    if status.ends_at is None:
        return []
    left = status.ends_at - now
    return [f"predicted end in {spell(left)}" if left >= 1 else "predicted end now"]
