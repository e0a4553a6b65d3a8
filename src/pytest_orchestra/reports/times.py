"""Points in time as reports write them."""

from __future__ import annotations

from datetime import UTC, datetime


def instant(seconds: float) -> str:
    """Return ``seconds`` since the epoch in ISO 8601, to the millisecond, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def milliseconds(seconds: float) -> int:
    """Return ``seconds`` as whole milliseconds."""
    return round(seconds * 1000)
