"""What becomes of what tests left behind, in the process that the user started."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from pytest_orchestra.running.artifacts import (
    ARTIFACTS,
    DEFAULT,
    INPUT_KEY,
    RUN_NAME,
    RUNNING,
    Artifacts,
    Place,
    folder_name,
    pack,
)
from pytest_orchestra.running.identify import read_host

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

    from pytest_orchestra.model.run import RunRecord

#: The name of the plugin by which others find it.
KEEPER: Final = "orchestra-artifact-keeper"

#: The artifacts of so many runs are kept, this one included.
KEPT_RUNS: Final = 3

#: A run that has not ended after so many seconds is taken to have been killed.
LONGEST_RUN: Final = 86_400.0

#: So many files of a test are linked from reports.
MOST_FILES: Final = 50


class ArtifactKeeper:
    """Plugin that says where artifacts go, finds them when the run is over, and removes old ones.

    ``parent`` is the directory in which each run has a folder.
    """

    def __init__(self, config: pytest.Config, parent: Path, *, keeps_all: bool) -> None:
        self._root = config.rootpath
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
        self._folder = parent / name
        self._place = Place(str(self._folder), name, read_host().key, keeps_all)

    @classmethod
    def register(cls, config: pytest.Config, reports: Path | None, *, keeps_all: bool) -> None:
        """Register the plugin, and that of this process; ``reports`` is their directory, if there is one."""
        parent = config.rootpath / DEFAULT if reports is None else reports / Path(DEFAULT).name
        keeper = cls(config, parent, keeps_all=keeps_all)
        config.pluginmanager.register(keeper, KEEPER)
        config.pluginmanager.register(Artifacts(config, keeper._place), ARTIFACTS)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: WorkerController) -> None:
        """Tell a worker where artifacts go."""
        node.workerinput[INPUT_KEY] = pack(self._place)

    def attach(self, record: RunRecord) -> RunRecord:
        """Return ``record`` with the files that tests left behind; empty folders and old runs' are removed."""
        folder = self._folder
        if not folder.is_dir():
            return record
        with contextlib.suppress(OSError):
            folder.joinpath(RUNNING).unlink(missing_ok=True)
        left = self._left()
        if not left:
            shutil.rmtree(folder, ignore_errors=True)
            return record
        _prune(folder.parent)
        cases = tuple(
            replace(case, artifacts=files)
            if (files := left.get(folder_name(case.spec.nodeid), ()))
            else case
            for case in record.cases
        )
        return replace(record, cases=cases)

    def _left(self) -> dict[str, tuple[str, ...]]:
        """Return the paths of what is in the folders of tests, by the names of these."""
        found: dict[str, list[str]] = {}
        for path in sorted(each for each in self._folder.iterdir() if each.is_dir()):
            files = [self._shown(each) for each in _files(path)]
            if files:
                name = path.name.partition(".")[0]  # of whatever attempt
                found[name] = [*found.get(name, ()), *files][:MOST_FILES]
            else:
                shutil.rmtree(path, ignore_errors=True)
        return {name: tuple(files) for name, files in found.items()}

    def _shown(self, path: Path) -> str:
        return (
            path.relative_to(self._root) if path.is_relative_to(self._root) else path
        ).as_posix()


def keeper_of(config: pytest.Config) -> ArtifactKeeper | None:
    """Return the keeper of this run, None where nothing will run."""
    found: ArtifactKeeper | None = config.pluginmanager.get_plugin(KEEPER)
    return found


def _files(folder: Path) -> Iterator[Path]:
    """Yield what is in ``folder``, at any depth."""
    for where, folders, files in os.walk(folder):
        folders.sort()
        yield from (Path(where) / each for each in sorted(files))


def _prune(parent: Path) -> None:
    """Remove the artifacts of all runs but the last; what is not a run's, or of one that runs, is left alone."""
    runs = sorted(
        (each for each in parent.iterdir() if RUN_NAME.fullmatch(each.name)),
        key=lambda each: each.name,
    )
    for old in runs[:-KEPT_RUNS]:
        if not _is_running(old):
            shutil.rmtree(old, ignore_errors=True)


def _is_running(folder: Path) -> bool:
    try:
        began = folder.joinpath(RUNNING).stat().st_mtime
    except OSError:
        return False
    return time.time() - began < LONGEST_RUN
