"""Faults that can be switched on, to see how a test suite reacts to them.

`SHOP_BREAK=1` is a bug: the database accepts a negative stock.
`SHOP_FLAKY=1` is bad luck: every second payment with a foreign card takes too long.
"""

import os
import secrets


def stock_check_is_missing() -> bool:
    """Whether the database is created without the check on the stock."""
    return os.environ.get("SHOP_BREAK") == "1"


def foreign_bank_is_slow() -> bool:
    """Whether the foreign bank is slow this time, decided at random."""
    return os.environ.get("SHOP_FLAKY") == "1" and secrets.randbelow(2) == 0
