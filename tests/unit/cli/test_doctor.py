from __future__ import annotations

from pathlib import Path

import pytest
from histories import case, run
from shell import Shell

from pytest_orchestra.cli import checkup_machine, checkup_packages
from pytest_orchestra.cli.checkup import State
from pytest_orchestra.history.store import Store


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Make a shell in a project that settles something."""
    (tmp_path / "pyproject.toml").write_text(
        "[tool.pytest_orchestra]\nruntime_dir = 'run'\nreport = 'build'\n"
        "[tool.pytest_orchestra.resources]\ndb = 2\nmemory = '4GB'\n"
        "[tool.pytest_orchestra.fixtures]\npg = ['db']\n"
    )
    return Shell(tmp_path, capsys)


def findings(shell: Shell, code: int = 0) -> dict[str, tuple[str, str]]:
    """Return what is found, by what was looked at."""
    data = shell.data("doctor", "--rootdir", shell.root, "--no-worker", code=code)
    return {each["subject"]: (each["state"], each["text"]) for each in data["findings"]}


def test_what_is_settled_and_installed_is_said(shell: Shell) -> None:
    """As it was understood, with where it stands."""
    found = findings(shell)
    assert found["pytest"][0] == State.FINE
    assert str(shell.root / "pyproject.toml") in found["settings"][1]
    assert found["resource db"] == (State.FINE, "2, scope run")
    assert "4" in found["resource memory"][1]
    assert found["fixture pg"][1] == "takes db"
    assert found["runtime directory"] == (State.FINE, str(shell.root / "run"))
    assert found["reports"][1].endswith("build")
    assert "begins with the next run" in found["history"][1]
    assert "pytest-order" in " ".join(found)


def test_people_get_a_line_for_each(shell: Shell) -> None:
    """With a sign, and a count at the end."""
    assert shell("doctor", "--rootdir", shell.root, "--no-worker") == 0
    assert "✓ pytest: " in shell.out
    assert shell.out.splitlines()[-1].startswith("0 broken, ")


def test_a_sound_history_is_told_from_a_damaged_one(shell: Shell) -> None:
    """Looking at all of it, and changing nothing."""
    path = shell.root / ".pytest_orchestra" / "history.sqlite3"
    path.parent.mkdir()
    with Store.open(path) as store:
        store.add(run(1, case("a.py::test_x")))
    state, text = findings(shell)["history"]
    assert state == State.FINE
    assert "1 runs, 1 tests" in text
    damaged = path.read_bytes()[:5000] + b"\xff" * 9000
    path.write_bytes(damaged)
    state, text = findings(shell, code=1)["history"]
    assert state == State.BROKEN
    assert "damaged" in text
    assert path.read_bytes() == damaged


def test_mistakes_in_the_settings_are_broken(shell: Shell) -> None:
    """And do not keep the rest from being looked at."""
    (shell.root / "pyproject.toml").write_text("[tool.pytest_orchestra]\nrepots = 1\n")
    found = findings(shell, code=1)
    assert found["settings"][0] == State.BROKEN
    assert "did you mean report?" in found["settings"][1]
    assert "cores" in found


def test_what_cannot_be_written_is_broken(shell: Shell) -> None:
    """A file stands where a directory should be."""
    for name in ("build", "run", ".pytest_orchestra"):
        (shell.root / name).write_text("")
    found = findings(shell, code=1)
    assert {found[name][0] for name in ("reports", "runtime directory", "history")} == {
        State.BROKEN
    }


def test_what_is_missing_or_too_old_is_broken(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to install."""
    versions = {"pytest": "8.3.9", "execnet": None}
    monkeypatch.setattr(checkup_packages, "installed", lambda name: versions.get(name, "99.0rc1"))
    found = findings(shell, code=1)
    assert found["pytest"] == (State.BROKEN, "8.3.9 is too old: pip install 'pytest>=8.4'")
    assert found["execnet"][1] == "is not installed: pip install execnet"
    assert found["networkx"][0] == State.FINE
    assert found["pytest-randomly 99.0rc1"][0] == State.ODD


@pytest.mark.parametrize(
    ("text", "state", "says"),
    [
        ("some avg10=1.0 avg60=55.00 avg300=1.0 total=1\n", State.ODD, "55 %"),
        ("some avg10=1.0 avg60=1.00 avg300=1.0 total=1\n", State.FINE, "1 %"),
        ("nonsense", State.FINE, "no PSI"),
        (None, State.FINE, "no PSI"),
    ],
)
def test_a_busy_machine_is_odd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, state: State, says: str
) -> None:
    """If its kernel tells."""
    path = tmp_path / "cpu"
    if text is not None:
        path.write_text(text)
    monkeypatch.setattr(checkup_machine, "_PRESSURE", path)
    (finding,) = checkup_machine.check_pressure()
    assert finding.state is state
    assert says in finding.text
