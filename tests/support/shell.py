"""The command, called in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_orchestra.cli.main import main


class Shell:
    """Calls ``pytest-orchestra`` and keeps what it printed; ``root`` is where paths may lie."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str | Path) -> int:
        """Return the exit code."""
        try:
            code = main([str(each) for each in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        self.out, self.err = self._capsys.readouterr()
        return code

    def data(self, *arguments: str | Path, code: int = 0) -> dict[str, Any]:
        """Return what it prints as JSON, which is all that it prints on standard output."""
        assert self(*arguments, "--json") == code, self.err
        found: dict[str, Any] = json.loads(self.out)
        return found
