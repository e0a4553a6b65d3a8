"""Which tests the history suspects of making another fail, or pass."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def find_suspects(path: Path | None, nodeid: str, tell: Callable[[str], None]) -> frozenset[str]:
    """Return the node ids of tests that the failures of ``nodeid`` go together with.

    ``path`` is that of the history, None where there is none. ``tell`` is called with a line for
    the user if it cannot be read.
    """
    if path is None:
        return frozenset()
    from pytest_orchestra.history.archive import Archive  # noqa: PLC0415 - it loads SQLite
    from pytest_orchestra.history.assessing import (  # noqa: PLC0415 - as above
        RESULTS,
        judge_all,
        read_pasts,
    )
    from pytest_orchestra.history.judgement.association import Kind  # noqa: PLC0415 - as above

    archive = Archive(path, str(path), tell)
    judged = judge_all(archive, read_pasts(archive, [nodeid]), RESULTS)
    return frozenset(
        contrast.what
        for judgement in judged.values()
        for association in judgement.associations
        if association.kind is Kind.ORDER
        for contrast in association.evidence
    )
