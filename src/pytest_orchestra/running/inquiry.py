"""What a host says of itself before workers are started there.

This runs *there*: it is sent as source, before anything is known of the Python that it meets, so
it imports nothing but the standard library, and is written for versions that are too old for us.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

#: What a worker imports before it looks for plugins, and the plugins: modules and distributions.
FIRST = (
    ("pytest", "pytest"),
    ("pluggy", "pluggy"),
    ("iniconfig", "iniconfig"),
    ("packaging", "packaging"),
    ("execnet", "execnet"),
)
PLUGINS = (("xdist", "pytest-xdist"), ("pytest_orchestra", "pytest-orchestra"))


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Return what is here, as builtin types.

    ``question`` has a ``directory`` to work in or None, ``files`` that should be in it,
    ``first_path`` to put before this process's ``sys.path``, and ``plugin_path`` to look for
    plugins in, or None for the same. ``found`` of the answer maps distributions to versions,
    empty if unknown, None if absent; ``missing`` are the files that are not in ``cwd``.
    """
    directory = question["directory"]
    place = Path(directory or ".")
    has_directory, has_parent = place.is_dir(), place.parent.is_dir()
    before, home = list(sys.path), Path.cwd()
    try:
        if place.is_dir():
            os.chdir(str(place))
        here = str(Path.cwd())
        first_path = [*question["first_path"], here, *before]
        found = _versions(FIRST, first_path)
        found.update(_versions(PLUGINS, question["plugin_path"] or first_path))
        return {
            "version": list(sys.version_info[:3]),
            "executable": sys.executable,
            "cwd": here,
            "has_directory": has_directory,
            "has_parent": has_parent,
            "missing": [name for name in question["files"] if not Path(name).exists()],
            "found": found,
            "host": _host() if found["pytest-orchestra"] is not None else None,
        }
    finally:
        sys.path[:] = before
        os.chdir(str(home))


def _versions(wanted: tuple[tuple[str, str], ...], path: list[str]) -> dict[str, str | None]:
    """Look for modules in ``path``, which becomes this process's."""
    import importlib.util  # noqa: PLC0415 - not before the source is known to run

    sys.path[:] = path
    importlib.invalidate_caches()
    return {
        distribution: _version(distribution) if importlib.util.find_spec(module) else None
        for module, distribution in wanted
    }


def _version(distribution: str) -> str:
    try:
        from importlib import metadata  # noqa: PLC0415 - since Python 3.8

        return metadata.version(distribution)
    except Exception:  # noqa: BLE001 - it can be imported, so it is there without metadata
        return ""


def _host() -> tuple[str, str, int, int | None] | None:
    try:
        from pytest_orchestra.running.identify import read_host  # noqa: PLC0415 - it is there

        host = read_host()
    except Exception:  # noqa: BLE001 - another version of it, or a Python that is too old for it
        return None
    return host.name, host.key, host.cpus, host.memory


if __name__ == "__channelexec__":
    channel = globals()["channel"]
    channel.send(answer(channel.receive()))
