from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from histories import EPOCH, HOUR, attempt, case, run

from pytest_orchestra.cli.main import FINE, REFUSED, USAGE, main
from pytest_orchestra.history.store import Store
from pytest_orchestra.model.verdict import Verdict

X, Y, VICTIM = "a.py::test_x", "a.py::test_y[1 2]", "a.py::test_victim"
PASS, FAIL = attempt(), attempt(Verdict.FAILED)

#: The last day of entries that still hold.
LATER = date.today() + timedelta(30)  # noqa: DTZ011 - as people count days


class Shell:
    """Calls the command in a project, and keeps what it printed."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        """Return the exit code of ``pytest-orchestra flaky``."""
        try:
            code = main(["flaky", "--rootdir", str(self.root), *arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        self.out, self.err = self._capsys.readouterr()
        return code

    def data(self, *arguments: str) -> dict[str, Any]:
        """Return what it prints as JSON, which is all that it prints."""
        assert self(*arguments, "--json") == FINE
        assert not self.err
        data: dict[str, Any] = json.loads(self.out)
        return data

    def remember(self, letters: Sequence[str], nodeid: str = X) -> None:
        """Add a run of one commit for each letter: p passed, f failed, r recovered."""
        attempts = {"p": (PASS,), "f": (FAIL,), "r": (FAIL, PASS)}
        path = self.root / ".pytest_orchestra" / "history.sqlite3"
        path.parent.mkdir(exist_ok=True)
        with Store.open(path) as store:
            for number, letter in enumerate(letters):
                evidence = run(number, case(nodeid, *attempts[letter]), case("a.py::test_good"))
                flaky = int(letter != "p")
                store.add(replace(evidence, uuid=f"{nodeid} {number}", flaky=flaky))

    @property
    def quarantine(self) -> Path:
        """The file of tests in quarantine."""
        return self.root / "quarantine.toml"


@pytest.fixture
def flaky(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Return the command, in a project with nothing but one test file."""
    tmp_path.joinpath("a.py").write_text("def test_x(): pass\ndef test_y(): pass\n")
    return Shell(tmp_path, capsys)


def test_flaky_tests_are_listed_by_what_they_cost(flaky: Shell) -> None:
    """With what is known of each, and how to put them away."""
    flaky.remember("ppfprp")
    flaky.remember("prfpfp", Y)
    assert flaky() == FINE
    header, first, second, *rest = flaky.out.splitlines()
    assert header.split("  ")[0] == "class"
    assert first.startswith("flaky")
    assert first.endswith(Y)
    assert second.endswith(X)
    assert second.split()[1] == "1"
    assert f"  pytest-orchestra flaky --add '{Y}' --owner WHO --reason WHY" in rest
    assert any("of the tests of a run flaked" in line for line in rest)
    assert "test_good" not in flaky.out


def test_nothing_is_flaky_as_far_as_known(flaky: Shell) -> None:
    """Which is no promise."""
    flaky.remember("ppp")
    assert flaky() == FINE
    assert "no test is known to be flaky" in flaky.out
    assert "nothing flaked in the last 3 runs" in flaky.out
    assert flaky("--candidates") == FINE
    assert flaky.out.startswith("no candidates for quarantine")


def test_programs_get_the_same_as_data(flaky: Shell) -> None:
    """And nothing else on standard output."""
    flaky.remember("ppfprp")
    data = flaky.data()
    (test,) = data["tests"]
    assert test["nodeid"] == X
    assert test["class"] == "flaky"
    assert (test["runs"], test["red_builds"], test["disagreements"]) == (6, 1, 1)
    low, high = test["interval"]
    assert 0.0 < low < test["rate"] < high <= test["upper"] < 1.0
    assert test["is_candidate"]
    assert test["quarantine"] is None
    assert data["suite"]["runs"] == 6


def test_what_failures_go_together_with_is_told(flaky: Shell) -> None:
    """From what ran around them, under the test that it is said of."""
    path = flaky.root / "history.sqlite3"
    with Store.open(path) as store:
        for number in range(14):
            start = EPOCH + number * HOUR
            is_hit = number % 2 == 1
            victim = replace(FAIL if is_hit else PASS, started=start + 2)
            other = replace(PASS, started=start + (1 if is_hit else 3))
            store.add(run(number, case(VICTIM, victim), case(X, other)))
    assert flaky("--history", str(path)) == FINE
    assert f"   associated with order-dependent: failed 7 of 7 after {X}" in flaky.out
    (test,) = flaky.data("--history", str(path))["tests"]
    (association,) = test["associations"]
    assert association["kind"] == "order-dependent"
    assert X in {each["what"] for each in association["evidence"]}


def test_a_flaky_test_is_put_into_quarantine(flaky: Shell) -> None:
    """With owner, reason and expiry; then it is no candidate any more, and listed as what it is."""
    flaky.remember("ppfprp")
    assert flaky("--add", X, "--owner", "ana", "--reason", "ticket 5") == FINE
    assert f"{X} is in quarantine until {LATER}" in flaky.out
    assert f"expires = {LATER}" in flaky.quarantine.read_text()
    assert flaky() == FINE
    assert f"in quarantine until {LATER} (ana: ticket 5)" in flaky.out
    assert "candidates" not in flaky.out
    assert flaky("--candidates") == FINE
    assert X not in flaky.out
    assert flaky("--add", X, "--owner", "ana", "--reason", "ticket 5") == REFUSED
    assert f"in quarantine already, until {LATER}: see {flaky.quarantine}:4" in flaky.err


def test_only_flaky_tests_belong_there(flaky: Shell) -> None:
    """Unless somebody insists; whoever misspells a name hears the nearest."""
    flaky.remember("ppppfp")
    new = ("--owner", "ana", "--reason", "ticket 5")
    assert flaky("--add", "a.py::test_good", *new) == REFUSED
    assert "is not flaky as far as the history tells; new: 6 runs so far" in flaky.err
    assert not flaky.quarantine.exists()
    assert flaky("--add", "a.py::test_xx", *new) == USAGE
    assert f"knows no test a.py::test_xx: did you mean {X}?" in flaky.err
    data = flaky.data("--add", "a.py::test_good", *new, "--force", "--expires", str(LATER))
    assert data == {
        "added": "a.py::test_good",
        "file": str(flaky.quarantine),
        "expires": str(LATER),
    }


def test_an_entry_of_a_test_without_results_is_told(flaky: Shell) -> None:
    """It may be misspelled, or new here."""
    flaky.remember("pp")
    assert flaky("--add", "b.py::test_b", "--owner", "o", "--reason", "r", "--force") == FINE
    assert flaky() == FINE
    assert "the history has no run of it: b.py::test_b" in flaky.out
    assert flaky.data()["unknown"]


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_a_file_made_on_windows_stays_one(flaky: Shell, bom: bytes) -> None:
    """All its lines end alike, with or without a mark of the byte order."""
    flaky.remember("ppfprp")
    kept = f'[[quarantine]]\nnodeid = "{Y}"\nowner = "o"\nreason = "r"\nexpires = {LATER}\n'
    gone = kept.replace(Y, "b.py::test_b")
    flaky.quarantine.write_bytes(bom + f"{kept}\n{gone}".replace("\n", "\r\n").encode())
    assert flaky("--add", X, "--owner", "ana", "--reason", "ticket 5") == FINE
    assert flaky("--prune") == FINE
    written = flaky.quarantine.read_bytes()
    assert written.startswith(bom + kept.replace("\n", "\r\n").encode())
    assert written.endswith(f"expires = {LATER}\r\n".encode())
    assert written.count(b"\n") == written.count(b"\r\n") == 11
    assert b"b.py" not in written
    assert X.encode() in written


def test_an_entry_after_a_mark_of_the_byte_order_can_be_taken_out(flaky: Shell) -> None:
    """The mark stands where the first line begins."""
    entry = f'[[quarantine]]\nnodeid = "{X}"\nowner = "o"\nreason = "r"\nexpires = 2026-01-01\n'
    flaky.remember("pp")
    flaky.quarantine.write_bytes(b"\xef\xbb\xbf" + entry.encode())
    assert flaky("--prune") == FINE
    assert flaky.quarantine.read_text(encoding="utf-8-sig") == ""


def test_a_linked_file_stays_linked(flaky: Shell) -> None:
    """What it points to is written, be it there or not."""
    flaky.remember("ppfprp")
    shared = flaky.root / "ci" / "shared.toml"
    flaky.quarantine.symlink_to(shared)
    for nodeid in (X, Y):
        new = ("--owner", "ana", "--reason", "ticket 5", "--force")
        assert flaky("--add", nodeid, *new) == FINE
        assert flaky.quarantine.is_symlink()
        assert nodeid in shared.read_text()
    assert [each.name for each in shared.parent.iterdir()] == ["shared.toml"]


def test_what_is_over_is_taken_out(flaky: Shell) -> None:
    """Expired entries and those whose test is gone; comments and the others stay."""
    flaky.remember("pp")
    flaky.remember("pp", "a.py::test_inherited")

    def entry(nodeid: str, expires: str) -> str:
        what = f'nodeid = "{nodeid}"\nowner = "o"\nreason = "r"\nexpires = {expires}\n'
        return f"\n# of {nodeid}\n[[quarantine]]\n{what}"

    kept = f"# keep me\n{entry(X, str(LATER))}{entry('a.py::test_inherited', str(LATER))}"
    gone = entry("a.py::test_gone", str(LATER)) + entry("b.py::test_b", str(LATER))
    flaky.quarantine.write_text(kept + gone + entry(Y, "2026-01-01"))
    assert flaky("--prune") == FINE
    assert flaky.out.splitlines() == [
        "a.py::test_gone is out of quarantine: there is no such test any more",
        "b.py::test_b is out of quarantine: there is no such test any more",
        f"{Y} is out of quarantine: the entry expired on 2026-01-01",
    ]
    assert flaky.quarantine.read_text().strip() == kept.strip()
    assert flaky.data("--prune") == {"removed": []}
    assert flaky("--prune") == FINE
    assert "nothing to take out" in flaky.out


def test_without_a_history_only_what_is_certain_is_taken_out(flaky: Shell) -> None:
    """A name that does not stand in the file may be made up when it is collected."""
    text = "".join(
        f'[[quarantine]]\nnodeid = "{name}"\nowner = "o"\nreason = "r"\nexpires = {LATER}\n'
        for name in ("a.py::test_made_up", "b.py::test_b")
    )
    flaky.quarantine.write_text(text)
    assert flaky("--prune") == FINE
    assert "a.py::test_made_up" in flaky.quarantine.read_text()
    assert "b.py::test_b" not in flaky.quarantine.read_text()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "there is no history at"),
        (("--history", "nowhere.sqlite3"), "there is no history at nowhere.sqlite3"),
        (("--history", __file__), "cannot be read: file is not a database"),
        (("--rootdir", "nowhere"), "--rootdir nowhere is not a directory"),
        (("--config", "nowhere.toml"), "nowhere.toml: cannot be read"),
        (("--add", X), "an entry needs --owner"),
        (("--add", X, "--owner", "o", "--reason", " "), "an entry needs --reason"),
        (
            ("--add", X, "--owner", "o", "--reason", "r", "--expires", "2026-01-01"),
            "--expires 2026-01-01 is over",
        ),
        (("--add", X, "--expires", "soon"), "'soon' is not a day such as 2027-01-31"),
        (("--owner", "o"), "--owner says something of an entry: name its test by --add"),
        (("--add", X, "--prune"), "not allowed with argument"),
    ],
)
def test_wrong_use_is_told(flaky: Shell, arguments: tuple[str, ...], text: str) -> None:
    """In words, with what to do, on standard error; and nothing is written anywhere."""
    before = Path(__file__).read_bytes()
    assert flaky(*arguments) == USAGE
    assert not flaky.out
    assert text in flaky.err
    assert "Traceback" not in flaky.err
    assert Path(__file__).read_bytes() == before
    assert not flaky.quarantine.exists()


def test_mistakes_in_files_are_told(flaky: Shell) -> None:
    """Of the configuration and of the quarantine, with their places."""
    flaky.remember("pp")
    flaky.quarantine.write_text("[[quarantine]]\n")
    assert flaky() == USAGE
    assert f"{flaky.quarantine}:1: quarantine entry 1 has no nodeid" in flaky.err
    flaky.quarantine.write_bytes(b"\xff")
    assert flaky() == USAGE
    assert "cannot be read" in flaky.err
    flaky.quarantine.unlink()
    config = flaky.root / "pyproject.toml"
    config.write_text("[tool.pytest_orchestra]\nhistry = 3\n")
    assert flaky() == USAGE
    assert "unknown key tool.pytest_orchestra.histry" in flaky.err
    config.write_text('[tool.pytest_orchestra]\nhistory = "none"\nquarantine = "none"\n')
    assert flaky() == USAGE
    assert "the project keeps no history" in flaky.err
    assert flaky("--add", X, "--owner", "o", "--reason", "r", "--force") == USAGE
    assert 'the project has quarantine = "none"' in flaky.err


def test_entries_in_another_form_are_left_alone(flaky: Shell) -> None:
    """Rather than to change what is not understood."""
    text = 'quarantine = [{nodeid = "b.py::t", owner = "o", reason = "r", expires = 2027-01-31}]\n'
    flaky.quarantine.write_text(text)
    assert flaky("--prune") == USAGE
    assert "take them out by hand" in flaky.err
    assert flaky("--add", X, "--owner", "o", "--reason", "r", "--force") == USAGE
    assert "do it by hand" in flaky.err
    assert flaky.quarantine.read_text() == text


def test_a_file_elsewhere_is_made_with_its_directory(flaky: Shell) -> None:
    """Where the settings say."""
    config = flaky.root / "pyproject.toml"
    config.write_text('[tool.pytest_orchestra]\nquarantine = "ci/flaky.toml"\n')
    assert flaky("--add", X, "--owner", "o", "--reason", "r", "--force") == FINE
    assert X in (flaky.root / "ci" / "flaky.toml").read_text()
