"""Standard output for one text and nothing else."""

from __future__ import annotations

import os
import sys
from typing import IO, Any, Final, Self

import pytest


class StandardOutput:
    """Keeps standard output for :meth:`write`: whatever else is printed goes to standard error.

    To be taken before pytest's terminal reporter looks for it.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._capture: Final[Any] = config.pluginmanager.getplugin("capturemanager")
        self._stream: Final = sys.stdout
        self._copy: Final = _copy_of(self._stream)
        self._redirect()

    @classmethod
    def take(cls, config: pytest.Config) -> Self:
        """Return it; it is given back when pytest has ended."""
        taken = cls(config)
        config.add_cleanup(taken.give_back)
        return taken

    def write(self, text: str) -> None:
        """Write ``text``; that nobody reads it any more is no error. Raises OSError for others."""
        file = self._stream if self._copy is None else self._copy
        try:
            file.write(text)
            file.flush()
        except BrokenPipeError:
            self._drop()

    def give_back(self) -> None:
        """Let everybody print as before."""
        if self._capture is not None:
            self._capture.stop_global_capturing()
        sys.stdout = self._stream
        if self._copy is not None:
            os.dup2(self._copy.fileno(), self._stream.fileno())
            self._copy.close()

    def _drop(self) -> None:
        """Let what is left to write go nowhere, or it would be tried again, in vain, at the end."""
        if self._copy is not None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._copy.fileno())
            os.close(nowhere)

    def _redirect(self) -> None:
        # What pytest's capture has set aside at its start is what it will put back after each pause.
        if self._capture is not None:
            self._capture.stop_global_capturing()
        self._stream.flush()
        if self._copy is not None:
            os.dup2(2, self._stream.fileno())
        sys.stdout = sys.stderr
        if self._capture is not None:
            self._capture.start_global_capturing()
            self._capture.suspend_global_capture()


def _copy_of(stream: IO[str]) -> IO[str] | None:
    """Return another way to where ``stream`` leads; None if it is no file of the system's."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):
        return None
    return os.fdopen(os.dup(number), "w", encoding="utf-8")
