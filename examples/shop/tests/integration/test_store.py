import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from shop.cart import Cart
from shop.errors import OutOfStockError
from shop.store import Status, Store

QUANTITIES = pytest.mark.parametrize("quantity", [2, 20], ids=["pair", "crate"])


@pytest.mark.smoke
@pytest.mark.priority(10)
@pytest.mark.depends(name="schema")
def test_schema(tmp_path: Path) -> None:
    Store(tmp_path / "shop.sqlite3")
    with (
        closing(sqlite3.connect(tmp_path / "shop.sqlite3")) as database,
        pytest.raises(sqlite3.IntegrityError),
    ):
        database.execute("INSERT INTO stock VALUES ('mug', -1)")


@pytest.mark.depends("tests/integration/test_store.py::test_schema")
def test_store_saves(tmp_path: Path) -> None:
    Store(tmp_path / "shop.sqlite3").introduce({"mug": 7})
    assert Store(tmp_path / "shop.sqlite3").in_stock("mug") == 7


@QUANTITIES
@pytest.mark.depends("test_store_saves")
def test_place_order(store: Store, quantity: int) -> None:
    number = store.place(Cart({"mug": quantity}), amount=100)
    assert store.order(number).status is Status.OPEN
    assert store.in_stock("mug") == 20 - quantity


# test_cancel_order[pair] waits for test_place_order[pair] and for no other.
@QUANTITIES
@pytest.mark.depends("test_place_order", match_params=True)
def test_cancel_order(store: Store, quantity: int) -> None:
    number = store.place(Cart({"mug": quantity}), amount=100)
    store.cancel(number)
    assert store.order(number).status is Status.CANCELLED
    assert store.in_stock("mug") == 20


@pytest.mark.depends(on=["schema"])
def test_last_piece_is_sold_once(store: Store) -> None:
    store.introduce({"golden-mug": 1})

    def buy(_customer: int) -> bool:
        try:
            store.place(Cart({"golden-mug": 1}), amount=100)
        except OutOfStockError:
            return False
        return True

    with ThreadPoolExecutor(max_workers=4) as customers:
        assert sum(customers.map(buy, range(4))) == 1
