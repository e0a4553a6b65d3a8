"""Predictions of made-up runs, made in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from engines import counted

from pytest_orchestra.model.case import CaseSpec, Need
from pytest_orchestra.model.order import Order
from pytest_orchestra.running.collect import Collection
from pytest_orchestra.running.elsewhere import Elsewhere
from pytest_orchestra.running.foretelling import Foretelling
from pytest_orchestra.running.ordering import Expectations
from pytest_orchestra.running.plan import Planner
from pytest_orchestra.scheduling.fixtures import Kits


def foretold(  # noqa: PLR0913 - each is a different thing that a test may care about
    specs: Sequence[CaseSpec],
    expected: Expectations | None = None,
    *,
    workers: int = 2,
    tokens: Mapping[str, int] | None = None,
    kits: Kits | None = None,
    order: Order = Order.MAKESPAN,
    remembered: Sequence[str] = (),
    blocked: Mapping[int, str] | None = None,
) -> Foretelling:
    """Return what predicts a run of ``specs`` on so many ``workers``, called gw0 and so on."""
    here = Path()
    planner = Planner(
        here,
        counted(tokens or {}),
        {},
        (),
        Elsewhere(here, {spec.file for spec in specs}, (), ()),
        expected or Expectations(),
        order,
        is_timed=False,
    )
    collection = Collection(tuple(specs), blocked=dict(blocked or {}))
    plan = planner.plan(collection, workers, kits=kits)
    names = tuple(f"gw{number}" for number in range(workers))
    return Foretelling(plan, names, kits or Kits(), frozenset(remembered))


def lasting(specs: Sequence[CaseSpec], *seconds: float) -> Expectations:
    """Return that ``specs`` are known to take so many ``seconds``."""
    nodeids = [spec.nodeid for spec in specs]
    return Expectations(dict(zip(nodeids, seconds, strict=True)))


def case(name: str, *needs: str, **more: object) -> CaseSpec:
    """Return a test of ``test_a.py`` that depends on others there by their names."""
    return CaseSpec(
        f"test_a.py::{name}",
        "test_a.py",
        needs=tuple(map(Need, needs)),
        **more,  # type: ignore[arg-type]
    )
