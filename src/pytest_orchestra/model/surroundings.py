"""Where and of what a run was: machine, Python, packages, code, and the CI job that it was part of."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Build:
    """The job of a CI system; what is not known is empty.

    ``system`` is the CI system's name, ``name`` what the job is called and ``identity`` what tells it
    from all others there. ``repository`` is the name of the code's, as in ``owner/project``.
    """

    system: str = ""
    name: str = ""
    identity: str = ""
    number: str = ""
    url: str = ""
    repository: str = ""
    branch: str = ""
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was around the run; what is not known is empty.

    ``host`` is the machine that it was started on, ``system`` its operating system and ``release``
    the release of that. ``versions`` are names and versions of pytest and its plugins. ``commit`` is
    what the files were checked out from, whether or not they have been changed since. ``root`` is the
    root directory, from which paths count.
    """

    host: str = ""
    system: str = ""
    release: str = ""
    python: str = ""
    versions: tuple[tuple[str, str], ...] = ()
    commit: str = ""
    build: Build = field(default_factory=Build)
    root: str = ""
