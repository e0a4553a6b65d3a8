"""What any number of runs on one machine share: tokens, named instances and slots."""

from __future__ import annotations

from pytest_orchestra.errors import MachineError
from pytest_orchestra.machine.holder import Holder
from pytest_orchestra.machine.ledger import Grant, Ledger
from pytest_orchestra.machine.life import Life, hold_life
from pytest_orchestra.machine.supply import Supply

__all__ = ["Grant", "Holder", "Ledger", "Life", "MachineError", "Supply", "hold_life"]
