from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_orchestra.cli.main import COMMANDS, USAGE, main


def test_every_command_says_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    """In the help of all, and in its own."""
    with pytest.raises(SystemExit):
        main(["--help"])
    overview = capsys.readouterr().out
    for name, (_, purpose) in COMMANDS.items():
        assert name in overview
        with pytest.raises(SystemExit):
            main([name, "--help"])
        assert " ".join(capsys.readouterr().out.split()).find(purpose[1:]) > 0


@pytest.mark.parametrize("arguments", [[], ["unheard-of"], ["flaky", "--unheard-of"]])
def test_what_is_not_known_is_wrong_use(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """With a line of usage."""
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == USAGE
    assert capsys.readouterr().err.startswith("usage: pytest-orchestra")


def test_nothing_is_loaded_that_is_not_used() -> None:
    """Neither pytest nor SQLite to say what there is."""
    code = (
        "import sys; from pytest_orchestra.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('pytest', '_pytest', 'sqlite3', 'xdist') if m in sys.modules])"
    )
    done = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
