"""Lines of a log: one when nothing has ended for long, and else one a minute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pytest_orchestra.live.status import Status
from pytest_orchestra.live.words import minute_line
from pytest_orchestra.running.run import Run
from pytest_orchestra.running.stall import StallWatch

#: Seconds from one line to the next.
MINUTE: Final = 60.0


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line that is due; ``is_stalled``: since nothing has ended for long."""

    text: str
    is_stalled: bool = False


class LogLines:
    """Decides when a line is due, and which.

    ``look`` returns where the run stands; None where nobody wants a line a minute.
    """

    def __init__(self, run: Run, look: Callable[[], Status] | None) -> None:
        self._run: Final = run
        self._look: Final = look
        self._stall: Final = StallWatch(run)
        self._said_at = 0.0
        self._progress = run.last_progress

    def check(self) -> LogLine | None:
        """Return a line if one is due now.

        May be asked in any thread; raises RuntimeError if the run goes on meanwhile.
        """
        now, progress = self._run.now, self._run.last_progress
        stalled = self._stall.check()
        if stalled is not None:
            line = LogLine(stalled, is_stalled=True)
        elif self._look is None or now - self._said_at < MINUTE or progress == self._progress:
            return (
                None  # where nothing has happened since the last line, the next one says just that
            )
        else:
            line = LogLine(minute_line(self._look(), now))
        self._said_at, self._progress = now, progress
        return line
