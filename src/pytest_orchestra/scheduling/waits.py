"""How long cases waited between being ready and being given to a worker, and for what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Refusal:
    """When a worker first had to leave a case lying, and which resource was lacking."""

    since: float
    resource: str


class Waits:
    """Times of one run, in seconds on the driver's clock."""

    def __init__(self, cases: int) -> None:
        """Make room for ``cases`` cases."""
        self.ready_at: Final[list[float | None]] = [None] * cases
        self.assigned_at: Final[list[float | None]] = [None] * cases
        self.refusals: Final[dict[int, Refusal]] = {}
        #: When somebody last got a resource that others may not wait for for ever.
        self.got_at: Final[dict[str, float]] = {}
        self._held_up: Final[dict[str, float]] = {}
        self._parked: Final[dict[str, int]] = {}
        self._since: Final[dict[str, float]] = {}

    def became_ready(self, case: int, now: float) -> None:
        """Nothing but tokens and a worker is lacking for ``case`` now."""
        if self.ready_at[case] is None:
            self.ready_at[case] = now

    def begin_anew(self, case: int) -> None:
        """``case`` is to be tried again: how long it waited for its last attempt does not count."""
        self.ready_at[case] = None
        self.refusals.pop(case, None)

    def refused(self, case: int, resource: str, now: float) -> Refusal:
        """A worker could have run ``case``, but ``resource`` was lacking."""
        known = self.refusals.get(case)
        refusal = Refusal(now if known is None else known.since, resource)
        self.refusals[case] = refusal
        return refusal

    def got(self, resource: str, now: float) -> None:
        """Somebody got ``resource``."""
        self.got_at[resource] = now

    def assigned(self, case: int, now: float) -> None:
        """``case`` was given to a worker."""
        self.assigned_at[case] = now

    def parked(self, resource: str, now: float) -> None:
        """One more kind of case waits for ``resource``."""
        count = self._parked.get(resource, 0)
        if not count:
            self._since[resource] = now
        self._parked[resource] = count + 1

    def unparked(self, resource: str, now: float) -> None:
        """One kind of case fewer waits for ``resource``."""
        self._parked[resource] -= 1
        if not self._parked[resource]:
            elapsed = now - self._since.pop(resource)
            self._held_up[resource] = self._held_up.get(resource, 0.0) + elapsed

    def since(self, resource: str) -> float:
        """Return since when ready cases wait for ``resource``, which some do."""
        return self._since[resource]

    def held_up(self, resource: str, now: float) -> float:
        """Return for how many seconds so far a ready case could not start for ``resource``."""
        since = self._since.get(resource)
        return self._held_up.get(resource, 0.0) + (0.0 if since is None else now - since)
