from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pytest_orchestra.running.checkout import Checkout, parse

GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@example.com")


def git(folder: Path, *arguments: str) -> str:
    """Run git and return what it prints."""
    done = subprocess.run(  # noqa: S603 - a command of ours
        (*GIT, *arguments), cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Make a repository with one commit."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / "a.txt").write_text("a")
    git(tmp_path, "add", "a.txt")
    git(tmp_path, "commit", "--quiet", "--message", "a")
    return tmp_path


def test_a_clean_tree(repository: Path) -> None:
    """The commit, also from a directory below; what is ignored does not count."""
    commit = git(repository, "rev-parse", "HEAD")
    assert Checkout(repository).read() == (commit, True)
    below = repository / "below"
    below.mkdir()
    (below / ".gitignore").write_text("*\n")
    (below / "more").write_text("")
    assert Checkout(below).read() == (commit, True)


@pytest.mark.parametrize("name", ["a.txt", "new.txt"])
def test_a_changed_tree(repository: Path, name: str) -> None:
    """Changed or new files make it another thing than the commit."""
    commit = git(repository, "rev-parse", "HEAD")
    (repository / name).write_text("changed")
    assert Checkout(repository).read() == (commit, False)


def test_no_commit_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of repositories, before the first commit, and where there is no git."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert Checkout(tmp_path).read() == (None, False)
    git(tmp_path, "init", "--quiet")
    assert Checkout(tmp_path).read() == (None, False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Checkout(tmp_path).read() == (None, False)
    assert Checkout(tmp_path / "none").read() == (None, False)


def test_who_does_not_ask_leaves_nothing_behind(repository: Path) -> None:
    """Closing ends git, and closing again does nothing."""
    checkout = Checkout(repository)
    process = checkout._process
    assert process is not None
    checkout.close()
    checkout.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
    assert checkout.read() == (None, False)


def test_a_detached_head_is_a_commit_too() -> None:
    """CI checks out commits, not branches."""
    assert parse("# branch.oid abc\n# branch.head (detached)\n") == ("abc", True)
    assert parse("# branch.oid abc\n# branch.head main\n? new\n") == ("abc", False)
    assert parse("") == (None, False)
