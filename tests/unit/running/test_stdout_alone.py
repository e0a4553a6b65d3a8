"""Standard output for one text and nothing else."""

from __future__ import annotations

import os
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from pytest_orchestra.running.stdout_alone import StandardOutput


class WithoutCapture:
    """A configuration in which nobody captures anything."""

    pluginmanager: Any = None

    def __init__(self) -> None:
        self.pluginmanager = self

    def getplugin(self, _name: str) -> None:
        """Return no plugin."""


def test_what_others_print_goes_elsewhere_until_it_is_given_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where standard output is an object of Python's alone."""
    out, err = StringIO(), StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    config: Any = WithoutCapture()
    taken = StandardOutput(config)
    print("noise")  # noqa: T201 - that is what it is about
    taken.write("{}")
    taken.give_back()
    print("after")  # noqa: T201 - as above
    assert out.getvalue() == "{}after\n"
    assert err.getvalue() == "noise\n"


def test_a_file_gets_the_text_and_all_that_comes_later(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What writes to its number, as a child does, is kept out as well."""
    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        config: Any = WithoutCapture()
        taken = StandardOutput(config)
        os.write(out.fileno(), b"noise\n")
        taken.write("{}\n")
        taken.give_back()
        os.write(out.fileno(), b"after\n")
    assert (tmp_path / "out").read_text() == "{}\nafter\n"


def test_nobody_needs_to_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever closes the pipe has seen enough: no error now, and none when all is closed."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        config: Any = WithoutCapture()
        taken = StandardOutput(config)
        os.close(reader)
        taken.write("{}" * 100_000)
        taken.give_back()
