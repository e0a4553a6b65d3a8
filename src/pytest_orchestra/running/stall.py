"""A line that says who runs and who waits for what, when nothing has happened for long."""

from __future__ import annotations

import time
from collections import Counter
from typing import Final

from pytest_orchestra.live.words import gates_of
from pytest_orchestra.running.run import Run
from pytest_orchestra.scheduling.engine import State
from pytest_orchestra.scheduling.explain import waited_for_text

#: Seconds without progress after which the first line is due; each further one doubles it.
PATIENCE: Final = 30.0

#: Seconds between looks at the clock.
INTERVAL: Final = 1.0


class StallWatch:
    """Decides when a line is due."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._seen = run.last_progress
        self._due_after = PATIENCE

    def check(self) -> str | None:
        """Return a line if one is due now."""
        if self._run.last_progress != self._seen:
            self._seen = self._run.last_progress
            self._due_after = PATIENCE
        silent = time.monotonic() - self._seen
        if silent < self._due_after or self._run.engine.done:
            return None
        self._due_after *= 2
        return describe_stall(self._run, silent)


def describe_stall(run: Run, silent: float) -> str:
    """Say what runs, since when, and how many tests wait for what."""
    engine = run.engine
    running = [
        f"{run.nodeid(queue[0])} ({worker}, {run.now - (engine.waits.assigned_at[queue[0]] or 0.0):.0f} s)"
        for worker in engine.workers
        if (queue := engine.queue_of(worker))
    ]
    waits: Counter[str] = Counter()
    for case, state in enumerate(engine.states):
        if state is State.READY:
            waits[_waits_for(run, case)] += 1
        elif state is State.RESTS:
            waits["their next attempt"] += 1
        elif state is State.WAITS_FOR_CASES:
            waits[_waits_behind(run, case)] += 1
    text = f"no test has finished for {silent:.0f} s; running: {', '.join(running) or 'none'}"
    if waits:
        waiting = ", ".join(f"{count} for {what}" for what, count in waits.most_common())
        text += f"; waiting: {waiting}"
    return text


def _waits_behind(run: Run, case: int) -> str:
    stages = run.engine.stages
    gates = () if stages is None else stages.gates_before(stages.staging.of_case[case])
    return gates_of(gates) if gates else "tests they depend on"


def _waits_for(run: Run, case: int) -> str:
    resource = run.engine.held_up_by(case)
    text = waited_for_text(resource, alone=run.plan.specs[case].alone)
    holders = run.plan.pool.holders(resource) if resource in run.plan.pool.capacities else ()
    if resource is None or not 0 < len(holders) <= NAMED_HOLDERS:
        return text
    return f"{text} (held by {', '.join(run.nodeid(holder) for holder in holders)})"


#: So many holders of a resource are named at the most.
NAMED_HOLDERS: Final = 3
