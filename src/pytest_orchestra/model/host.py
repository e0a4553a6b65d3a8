"""A machine, or a part of one, on which workers run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Host:
    """Where a worker runs.

    ``name`` is for people and for the configuration. ``key`` is the same for all workers of one
    host, however they were reached, and differs between two hosts, also if their names do not.
    ``cpus`` is how many cores its workers may use, at least 1; ``memory`` how many bytes they may,
    None where that is not known.
    """

    name: str
    key: str
    cpus: int
    memory: int | None
