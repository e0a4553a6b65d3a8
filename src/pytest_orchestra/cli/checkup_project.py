"""What a project has settled, and whether it can be used."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from pytest_orchestra.cli.checkup import Finding, State, is_writable
from pytest_orchestra.cli.project import CommandError, Project
from pytest_orchestra.cli.quarantine import Ward
from pytest_orchestra.errors import HistoryError, OrchestraError
from pytest_orchestra.history.places import is_on_network, run_files, what_else
from pytest_orchestra.history.store import Store, is_sound
from pytest_orchestra.scheduling.quantity import format_quantity
from pytest_orchestra.settings import Settings


def check_settings(place: Project, config: Path | None) -> Iterator[Finding]:
    """Say what is settled, and where that stands."""
    path = config or place.root / "pyproject.toml"
    where = str(path) if path.is_file() else "defaults, since there is no pyproject.toml"
    yield Finding(State.FINE, "root directory", str(place.root))
    settings = place.settings
    yield Finding(
        State.FINE,
        "settings",
        f"{where}; order = {settings.order}, missing = {settings.missing}, {_retries(settings)}",
    )
    for name, capacity in sorted(settings.resources.items()):
        tokens = format_quantity(capacity.tokens) if capacity.is_quantity else str(capacity.tokens)
        yield Finding(State.FINE, f"resource {name}", f"{tokens}, scope {capacity.scope}")
    for name, claims in sorted(settings.fixtures.items()):
        taken = ", ".join(sorted(claim.resource for claim in claims))
        yield Finding(State.FINE, f"fixture {name}", f"takes {taken}")


def _retries(settings: Settings) -> str:
    patterns = len(settings.retries.patterns)
    return f"retries = {settings.retries.default}" + (f" ({patterns} patterns)" if patterns else "")


def check_history(place: Project, wish: Path | None) -> Iterator[Finding]:
    """Say whether the history is sound, and can be written."""
    try:
        path = place.history_path(wish)
    except CommandError as error:
        yield Finding(State.FINE, "history", str(error))
        return
    odd = what_else(path)
    if odd:
        yield Finding(State.BROKEN, "history", f"{path} {odd}: name a file")
        return
    if not is_writable(path.parent):
        what = f"{path.parent} cannot be written: runs are not remembered"
        yield Finding(State.BROKEN, "history", what)
        return
    if is_on_network(path):
        what = f"{path} is on a network's file system: each run has a file of its own there"
        yield Finding(State.ODD, "history", what)
    files = [*([path] if path.is_file() else []), *run_files(path)]
    if not files:
        yield Finding(State.FINE, "history", f"{path} begins with the next run")
    for file in files:
        yield _health(file)


def _health(file: Path) -> Finding:
    if not is_sound(file):
        what = f"{file} is damaged: the next run sets it aside and begins anew"
        return Finding(State.BROKEN, "history", what)
    try:
        with Store.open_to_read(file, patience=2.0) as store:
            found = store.overview(0)
    except (sqlite3.Error, HistoryError) as error:
        return Finding(State.BROKEN, "history", f"{file} cannot be read: {error}")
    size = file.stat().st_size / 1e6
    what = f"{file} is sound: {found.runs} runs, {found.tests} tests, {size:.1f} MB"
    if not os.access(file, os.W_OK):
        return Finding(State.BROKEN, "history", f"{what}; it cannot be written")
    return Finding(State.FINE, "history", what)


def check_quarantine(place: Project) -> Iterator[Finding]:
    """Say whether the file of tests in quarantine can be read."""
    try:
        ward = Ward.of(place)
    except OrchestraError as error:
        yield Finding(State.BROKEN, "quarantine", str(error))
        return
    if ward.entries:
        yield Finding(State.FINE, "quarantine", f"{len(ward.entries)} tests, by {ward.path}")


def check_report(place: Project) -> Iterator[Finding]:
    """Say whether reports can be written where they are wanted."""
    if place.settings.report is None:
        return
    folder = place.root / Path(place.settings.report).expanduser()
    if is_writable(folder):
        yield Finding(State.FINE, "reports", f"go to {folder}")
    else:
        yield Finding(State.BROKEN, "reports", f"{folder} cannot be written: name another place")
