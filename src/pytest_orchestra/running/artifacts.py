"""Folders for what tests leave behind, in the process that runs them: the fixture ``artifacts``."""

from __future__ import annotations

import re
import shutil
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_orchestra.running.identify import read_host

#: The name of the plugin by which the fixture finds it.
ARTIFACTS: Final = "orchestra-artifacts"

#: The key under which a worker finds its place in ``config.workerinput``.
INPUT_KEY: Final = "orchestra_artifacts"

#: Where artifacts are, below the root directory, unless there is a directory of reports.
DEFAULT: Final = ".pytest_orchestra/artifacts"

#: A file of this name says that a run may still leave something here.
RUNNING: Final = ".running"

#: What the folder of a run is called.
RUN_NAME: Final = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")

_MOST_OF_A_NAME: Final = 40


@dataclass(frozen=True, slots=True)
class Place:
    """Where tests of one run leave things: ``folder`` on the host with this ``host`` key.

    On other hosts it is the folder of this ``name`` below their own root directory. ``keeps_all``: also
    those of tests that passed.
    """

    folder: str
    name: str
    host: str
    keeps_all: bool


class Artifacts:
    """Plugin for a process that runs tests."""

    def __init__(self, config: pytest.Config, place: Place) -> None:
        self._config = config
        self._place = place
        self._parent = Path(place.folder).parent
        self._folder: Path | None = None
        self._watch: _Watch | None = None

    @pytest.hookimpl
    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Look for no tests in what tests of earlier runs have left behind."""
        is_a_run = collection_path.parent == self._parent and RUN_NAME.fullmatch(
            collection_path.name
        )
        return True if is_a_run else None

    def begin(self, item: pytest.Item) -> Path:
        """Return a new folder for this attempt at ``item``."""
        if self._watch is None:
            # Only now: who does not use the fixture does not pay for it.
            host = read_host()
            is_here = host.key == self._place.host

            self._folder = self._prepare(is_here=is_here)
            self._watch = _Watch(self._place.keeps_all, "" if is_here else host.name)
            self._config.pluginmanager.register(self._watch, f"{ARTIFACTS}-watch")
        assert self._folder is not None  # noqa: S101 - it was made with the watch
        path = _make(self._folder, folder_name(item.nodeid))
        self._watch.begin(item.nodeid, path)
        return path

    def _prepare(self, *, is_here: bool) -> Path:
        place = self._place
        folder = Path(place.folder) if is_here else self._config.rootpath / DEFAULT / place.name
        if folder.parents[1].name == Path(DEFAULT).parts[0]:
            from pytest_orchestra.history.places import prepare  # noqa: PLC0415 - if needed

            prepare(folder.parents[1] / "artifacts")
        folder.mkdir(parents=True, exist_ok=True)
        folder.joinpath(RUNNING).touch()
        return folder


class _Watch:
    """Plugin that sees how each attempt goes, and removes the folders of those that passed.

    ``elsewhere`` is the name of this host, where whoever started the run is on another one.
    """

    def __init__(self, keeps_all: bool, elsewhere: str) -> None:  # noqa: FBT001 - as it is in Place
        self._keeps_all = keeps_all
        self._elsewhere = elsewhere
        self._nodeid = ""
        self._folder = Path()
        self._has_failed = False

    def begin(self, nodeid: str, folder: Path) -> None:
        """The test has a folder now."""
        self._nodeid, self._folder, self._has_failed = nodeid, folder, False

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Look at the report when all others are done with it; with a failure, say where the folder is."""
        report = yield
        if item.nodeid != self._nodeid:
            return report
        if report.failed:
            self._has_failed = True
            if _may_have_something(self._folder):
                report.sections.append(self._told())
        if report.when == "teardown":
            self._nodeid = ""
            if not self._has_failed and not self._keeps_all:
                shutil.rmtree(self._folder, ignore_errors=True)
            elif self._elsewhere and self._has_failed and not report.failed:
                # Nobody will find it from there, so the record has to say it: it is made of the last report.
                report.sections.append(self._told())
        return report

    def _told(self) -> tuple[str, str]:
        where = f" on {self._elsewhere}, and kept there" if self._elsewhere else ""
        return f"Artifacts{where}", str(self._folder)


def _may_have_something(folder: Path) -> bool:
    """Whether a test has left something, as far as can be seen: it may have taken the rights to look away."""
    try:
        return any(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def pack(place: Place) -> tuple[str, str, str, bool]:
    """Return ``place`` as it travels to a worker."""
    return place.folder, place.name, place.host, place.keeps_all


def register_in_worker(config: pytest.Config, workerinput: Mapping[str, Any]) -> None:
    """Let tests in this worker leave things where the controller says."""
    packed = workerinput.get(INPUT_KEY)
    if packed is not None:
        config.pluginmanager.register(Artifacts(config, Place(*packed)), ARTIFACTS)


def folder_name(nodeid: str) -> str:
    """Return a name for the folder of a test: short, safe on every file system, and its own.

    A digest makes it so, also where capitals do not count.
    """
    readable = re.sub("[^A-Za-z0-9]+", "-", nodeid.partition("::")[2] or nodeid).strip("-")
    digest = blake2b(nodeid.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()
    return f"{readable[:_MOST_OF_A_NAME].strip('-') or 'test'}-{digest}"


def _make(folder: Path, name: str) -> Path:
    """Make a new folder; where an earlier attempt has left one it gets a number."""
    number = 1
    while True:
        path = folder / (name if number == 1 else f"{name}.{number}")
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return path
