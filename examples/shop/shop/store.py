"""Stock and orders in an SQLite file.

Every operation is one transaction on a connection of its own, so that a store can be used from
several threads and processes at once.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from shop.cart import Cart
from shop.errors import InvalidRequestError, NotFoundError, OutOfStockError
from shop.faults import stock_check_is_missing

_STOCK = """
CREATE TABLE IF NOT EXISTS stock (
    sku TEXT PRIMARY KEY,
    quantity INTEGER NOT NULL CHECK (quantity >= 0)
);
"""
_STOCK_WITHOUT_CHECK = _STOCK.replace("CHECK (quantity >= 0)", "")
_ORDERS = """
CREATE TABLE IF NOT EXISTS orders (
    number INTEGER PRIMARY KEY,
    status TEXT NOT NULL,
    amount INTEGER NOT NULL,
    receipt TEXT
);
CREATE TABLE IF NOT EXISTS lines (
    number INTEGER NOT NULL REFERENCES orders,
    sku TEXT NOT NULL REFERENCES stock,
    quantity INTEGER NOT NULL,
    PRIMARY KEY (number, sku)
);
"""


class Status(StrEnum):
    """Where an order stands."""

    OPEN = "open"
    PAID = "paid"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Order:
    """An order as it is in the store; the amount is in cents."""

    number: int
    status: Status
    amount: int
    receipt: str | None
    cart: Cart


class Store:
    """The stock and the orders of one shop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._transaction() as database:
            stock = _STOCK_WITHOUT_CHECK if stock_check_is_missing() else _STOCK
            database.executescript(stock + _ORDERS)

    def introduce(self, quantities: Mapping[str, int]) -> None:
        """Put new products on the shelf; what is already there stays as it is."""
        with self._transaction() as database:
            database.executemany("INSERT OR IGNORE INTO stock VALUES (?, ?)", quantities.items())

    def in_stock(self, sku: str) -> int:
        """How many pieces of a product are left."""
        with self._transaction() as database:
            row = database.execute("SELECT quantity FROM stock WHERE sku = ?", (sku,)).fetchone()
        return int(row[0]) if row else 0

    def place(self, cart: Cart, amount: int) -> int:
        """Take the pieces off the shelf and note an open order; return its number."""
        with self._transaction() as database:
            [(number,)] = database.execute(
                "INSERT INTO orders (status, amount) VALUES (?, ?) RETURNING number",
                (Status.OPEN, amount),
            ).fetchall()
            for sku, quantity in cart.quantities.items():
                _take(database, sku, quantity)
                database.execute("INSERT INTO lines VALUES (?, ?, ?)", (number, sku, quantity))
        return int(number)

    def mark_paid(self, number: int, receipt: str) -> None:
        """Note that an open order was paid."""
        with self._transaction() as database:
            database.execute(
                "UPDATE orders SET status = ?, receipt = ? WHERE number = ?",
                (Status.PAID, receipt, number),
            )

    def cancel(self, number: int) -> None:
        """Cancel an order and put its pieces back on the shelf."""
        with self._transaction() as database:
            changed = database.execute(
                "UPDATE orders SET status = ? WHERE number = ? AND status != ?",
                (Status.CANCELLED, number, Status.CANCELLED),
            ).rowcount
            if not changed:
                raise InvalidRequestError(f"there is no order {number} that could be cancelled")
            for sku, quantity in _lines(database, number).items():
                database.execute(
                    "UPDATE stock SET quantity = quantity + ? WHERE sku = ?", (quantity, sku)
                )

    def order(self, number: int) -> Order:
        """The order with this number."""
        with self._transaction() as database:
            row = database.execute(
                "SELECT status, amount, receipt FROM orders WHERE number = ?", (number,)
            ).fetchone()
            if row is None:
                raise NotFoundError(f"no order {number}")
            status, amount, receipt = row
            return Order(number, Status(status), amount, receipt, Cart(_lines(database, number)))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path)) as database, database:
            database.execute("PRAGMA foreign_keys = ON")
            yield database


def _take(database: sqlite3.Connection, sku: str, quantity: int) -> None:
    """Take pieces off the shelf; the check of the table refuses more than there are."""
    try:
        changed = database.execute(
            "UPDATE stock SET quantity = quantity - ? WHERE sku = ?", (quantity, sku)
        ).rowcount
    except sqlite3.IntegrityError:
        raise OutOfStockError(f"fewer than {quantity} pieces of {sku!r} are left") from None
    if not changed:
        raise NotFoundError(f"no product {sku!r}")


def _lines(database: sqlite3.Connection, number: int) -> dict[str, int]:
    """The quantities of an order by stock keeping unit."""
    rows = database.execute("SELECT sku, quantity FROM lines WHERE number = ?", (number,))
    return dict(rows.fetchall())
