"""What runs that know their tests predicted, against what they took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.measure import Command, MeasuringError
from benchmarks.modes import MEMORY, OURS, Mode, make_command
from benchmarks.results import Bar, Table, show
from pytest_orchestra.reports.record_file import read_record

#: How the orchestra's run is called that knows what tests take.
SECOND: Final = f"{OURS.name}, 2nd run"

#: Where such a run leaves its record, in the folder of its suite.
RECORD: Final = f"{MEMORY}/record.json.gz"

#: How far off a prediction may be, as a share of what the run took.
MOST_OFF: Final = 0.1


@dataclass(slots=True)
class Predictions:
    """Seconds predicted and seconds taken, from the first worker to the end, for each run."""

    seen: list[tuple[float, float]] = field(default_factory=list)

    def second(self, mode: Mode, folder: Path, *, pytest: tuple[str, ...], workers: int) -> Command:
        """Return a command that comes right after a first run, and so knows what that has left behind."""
        command = make_command(mode, folder, pytest=pytest, workers=workers, name=SECOND)
        return replace(
            command,
            arguments=(*command.arguments, f"--orchestrate-json={RECORD}"),
            prepare=None,
            after=lambda: self._note(folder / RECORD),
        )

    def _note(self, path: Path) -> None:
        record = read_record(path)
        if record.predicted is None:
            raise MeasuringError("a run that knows its tests has predicted nothing")
        self.seen.append((record.predicted, record.seconds))

    @property
    def off(self) -> float | None:
        """By which share of what they took predictions are off, the median of all runs."""
        return (
            median(abs(predicted / seconds - 1.0) for predicted, seconds in self.seen)
            if self.seen
            else None
        )

    def bar(self) -> Bar:
        """Return the bar for predictions."""
        return Bar("the second run: |predicted / real - 1|", MOST_OFF, self.off)

    def table(self) -> Table:
        """Return a row for each run."""
        return Table(
            "predicted against real: from the first worker to the end",
            ("run", "predicted s", "real s", "predicted / real"),
            tuple(
                (str(number), show(predicted), show(seconds), show(predicted / seconds, 3))
                for number, (predicted, seconds) in enumerate(self.seen, 1)
            ),
        )

    def figures(self) -> list[Mapping[str, float]]:
        """Return everything for the JSON."""
        return [
            {
                "predicted_seconds": predicted,
                "real_seconds": seconds,
                "predicted_of_real": predicted / seconds,
            }
            for predicted, seconds in self.seen
        ]
