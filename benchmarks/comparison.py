"""The same suite in several modes: medians, and ratios to the best of xdist's and to plain."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from benchmarks.measure import Sample, middle
from benchmarks.modes import PLAIN, XDIST
from benchmarks.results import MIB, Table, ratio, show

#: Counts in pytest's last line.
_COUNTS: Final = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)\b")

HEADINGS: Final = (
    "mode", "wall s", "from", "to", "x best xdist", "x plain",
    "CPU s", "x least xdist", "x plain", "controller MiB", "x least xdist",
)  # fmt: skip


class Comparison:
    """Samples by mode; a mode that was left out has none, and whatever needs it is None."""

    def __init__(self, samples: Mapping[str, Sequence[Sample]]) -> None:
        self.samples: Final = {name: each for name, each in samples.items() if each}

    def wall(self, name: str) -> float | None:
        """Return the median wall time of a mode, in seconds."""
        return self._median(name, lambda sample: sample.wall)

    def cpu(self, name: str) -> float | None:
        """Return the median CPU time of a mode, workers included, in seconds."""
        return self._median(name, lambda sample: sample.cpu)

    def peak(self, name: str) -> float | None:
        """Return the median of the controller's peak memory in a mode, in bytes."""
        return self._median(name, lambda sample: sample.peak)

    @property
    def best_xdist(self) -> str | None:
        """The mode of xdist with the least wall time."""
        measured = [mode.name for mode in XDIST if mode.name in self.samples]
        return min(measured, key=lambda name: self.wall(name) or 0.0, default=None)

    def of_best_xdist(self, name: str) -> float | None:
        """Return the wall time of a mode in terms of the best of xdist's."""
        return ratio(self.wall(name), self._least(self.wall))

    def of_plain(self, name: str) -> float | None:
        """Return the wall time of a mode in terms of plain pytest's."""
        return ratio(self.wall(name), self.wall(PLAIN.name))

    def peak_of_least_xdist(self, name: str) -> float | None:
        """Return the controller's peak memory in terms of the least in any mode of xdist's."""
        return ratio(self.peak(name), self._least(self.peak))

    def table(self, title: str) -> Table:
        """Return a row for every mode."""
        return Table(title, HEADINGS, tuple(map(self._row, self.samples)))

    def figures(self) -> dict[str, object]:
        """Return medians, ratios and every sample of each mode."""
        return {
            "best_xdist": self.best_xdist,
            "modes": {name: self._figures(name) for name in self.samples},
        }

    def notes(self) -> list[str]:
        """Say what makes the figures less than comparable, if anything does."""
        notes = [
            f"{name}: exit status {', '.join(map(str, statuses))}"
            for name, samples in self.samples.items()
            if len(statuses := {sample.status for sample in samples}) > 1 or any(statuses)
        ]
        counts = {name: self._counts(name) for name in self.samples}
        reference = next(iter(counts.values()), frozenset())
        for name, found in counts.items():
            if found != reference:
                told = " or ".join(sorted(found))
                notes.append(f"{name} ended otherwise than {next(iter(counts))}: {told}")
        notes.extend(
            f"{name}: a process outlived the run, so its CPU time is not complete"
            for name, samples in self.samples.items()
            if any(sample.outlived for sample in samples)
        )
        return notes

    def _median(self, name: str, figure: Callable[[Sample], float]) -> float | None:
        samples = self.samples.get(name)
        return middle(samples, figure) if samples else None

    def _least(self, figure: Callable[[str], float | None]) -> float | None:
        found = [value for mode in XDIST if (value := figure(mode.name)) is not None]
        return min(found, default=None)

    def _row(self, name: str) -> tuple[str, ...]:
        walls = [sample.wall for sample in self.samples[name]]
        peak = self.peak(name)
        return (
            name,
            show(self.wall(name)),
            show(min(walls)),
            show(max(walls)),
            show(self.of_best_xdist(name)),
            show(self.of_plain(name)),
            show(self.cpu(name)),
            show(ratio(self.cpu(name), self._least(self.cpu))),
            show(ratio(self.cpu(name), self.cpu(PLAIN.name))),
            show(None if peak is None else peak / MIB, 1),
            show(self.peak_of_least_xdist(name)),
        )

    def _figures(self, name: str) -> dict[str, object]:
        return {
            "wall_seconds": self.wall(name),
            "cpu_seconds": self.cpu(name),
            "controller_peak_bytes": self.peak(name),
            "wall_of_best_xdist": self.of_best_xdist(name),
            "wall_of_plain": self.of_plain(name),
            "cpu_of_least_xdist": ratio(self.cpu(name), self._least(self.cpu)),
            "cpu_of_plain": ratio(self.cpu(name), self.cpu(PLAIN.name)),
            "controller_peak_of_least_xdist": self.peak_of_least_xdist(name),
            "samples": [
                {
                    "wall_seconds": sample.wall,
                    "cpu_seconds": sample.cpu,
                    "controller_peak_bytes": sample.peak,
                    "status": sample.status,
                }
                for sample in self.samples[name]
            ],
        }

    def _counts(self, name: str) -> frozenset[str]:
        return frozenset(told_counts(sample.output) for sample in self.samples[name])


def told_counts(output: str) -> str:
    """Return how many tests ended how, as pytest's last line that has counts says."""
    for line in reversed(output.splitlines()):
        found = _COUNTS.findall(line)
        if found and " in " in line:
            counts = Counter({word.rstrip("s"): int(count) for count, word in found})
            return ", ".join(f"{counts[word]} {word}" for word in sorted(counts))
    return "no counts"
