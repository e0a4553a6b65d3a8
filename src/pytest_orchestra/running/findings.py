"""What the user sees of a diagnosis: a letter for each run of the target, and what it comes to."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from typing import Final

import pytest

from pytest_orchestra.diagnosis.conclusion import Cause, Conclusion
from pytest_orchestra.diagnosis.experiment import Experiment
from pytest_orchestra.diagnosis.words import describe, under
from pytest_orchestra.history.signature import normalise
from pytest_orchestra.running.laboratory import Ending, Trial
from pytest_orchestra.running.line_up import LineUp

_LETTERS: Final = {Ending.PASSED: ".", Ending.FAILED: "F", Ending.NONE: "-"}

#: So many kinds of messages are shown.
_MESSAGES: Final = 3


class Findings:
    """Tells the terminal of experiments with the target of ``line_up``."""

    def __init__(self, config: pytest.Config, line_up: LineUp) -> None:
        self._config = config
        self._line_up = line_up
        self._writer = config.get_terminal_writer()
        self._shown: Experiment | None = None
        self._failed = _Messages()
        self._lost = _Messages()

    def note(self, experiment: Experiment, trials: Iterable[Trial]) -> None:
        """Show what became of the target in ``experiment``."""
        letters = ""
        for trial in trials:
            letters += _LETTERS[trial.ending]
            if trial.ending is Ending.FAILED:
                self._failed.add(trial.message)
            elif trial.ending is Ending.NONE:
                self._lost.add(trial.message)
        if self._config.get_verbosity() < 0:
            return
        if experiment != self._shown:
            self._end_line()
            self._writer.write(f"  {under(experiment, self._line_up.name)}: ")
        self._shown = experiment
        self._writer.write(letters, flush=True)

    def conclude(self, conclusion: Conclusion) -> None:
        """Print what all of it comes to."""
        self._end_line()
        line = self._writer.line
        self._writer.sep("=", "diagnosis")
        line(self._line_up.target)
        line(describe(conclusion, self._line_up.name), bold=True)
        for message in self._failed.commonest():
            line(f"failed {message}")
        for message in self._lost.commonest():
            line(f"did not run {message}")
        command = self._command(conclusion)
        if command:
            line(f"to see it: {command}")

    def _end_line(self) -> None:
        if self._writer.width_of_current_line:
            self._writer.line()

    def _command(self, conclusion: Conclusion) -> str:
        """Return a command that lets the target fail in plain pytest; empty if there may be none."""
        if conclusion.cause not in {Cause.POLLUTED, Cause.BRITTLE} or not conclusion.is_narrowed:
            return ""
        tests = conclusion.evidence[0].experiment.tests
        nodeids = self._line_up.line_up(tests, with_target=True)
        if len(nodeids) > len(tests) + 1:
            return ""  # there are prerequisites, which plain pytest knows nothing of
        root, here = self._config.rootpath, self._config.invocation_params.dir
        names = [each if root == here else os.path.relpath(root / each, here) for each in nodeids]
        return shlex.join(["pytest", *names])


class _Messages:
    """Messages by what is the same in those of one kind, with one of each as an example."""

    def __init__(self) -> None:
        self._examples: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def add(self, message: str) -> None:
        kind = normalise(message)
        self._examples.setdefault(kind, message)
        self._counts[kind] = self._counts.get(kind, 0) + 1

    def commonest(self) -> list[str]:
        """Return the commonest kinds, with how often there was such a message."""
        kinds = sorted(self._counts, key=lambda kind: -self._counts[kind])
        return [
            f"{_times(self._counts[kind])}: {self._examples[kind]}" for kind in kinds[:_MESSAGES]
        ]


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
