"""xdist's grouping modes as "same worker" constraints."""

from __future__ import annotations

import pytest


def group_for(item: pytest.Item, dist: str) -> str | None:
    """Return the group that ``--dist`` puts ``item`` into: its file, its class or module, none."""
    if dist == "loadfile":
        return item.nodeid.partition("::")[0]
    if dist == "loadscope":
        return item.parent.nodeid if item.parent is not None else item.nodeid
    return None
