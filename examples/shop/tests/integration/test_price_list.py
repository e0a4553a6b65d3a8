"""Tests of one price list that all workers of a run share.

Any number of tests may read it at the same time; one that changes it needs it for itself.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from shop import catalogue


@pytest.fixture
def price_list(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The shared price list."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    path = shared / "prices.json"
    if not path.exists():
        catalogue.save(catalogue.load(catalogue.PRICE_LIST), path)
    return path


@pytest.fixture
def editable_price_list(price_list: Path) -> Iterator[Path]:
    """The shared price list, restored afterwards."""
    yield price_list
    catalogue.save(catalogue.load(catalogue.PRICE_LIST), price_list)


@pytest.mark.resources(catalogue="read")
@pytest.mark.parametrize("sku", ["mug", "teapot"])
def test_price_holds_while_a_customer_looks(price_list: Path, sku: str) -> None:
    seen = set()
    for _ in range(5):
        seen.add(catalogue.load(price_list).find(sku).price)
        time.sleep(0.05)
    assert len(seen) == 1


@pytest.mark.resources(catalogue="write")
def test_price_change_is_seen_by_the_next_reader(editable_price_list: Path) -> None:
    changed = catalogue.load(editable_price_list).with_price("mug", 999)
    catalogue.save(changed, editable_price_list)
    assert catalogue.load(editable_price_list).find("mug").price == 999


@pytest.mark.resources(catalogue="write")
def test_no_reader_sees_a_half_written_list(editable_price_list: Path) -> None:
    products = catalogue.load(editable_price_list)

    def raise_prices() -> None:
        for price in range(1000, 1050):
            catalogue.save(products.with_price("mug", price), editable_price_list)

    with ThreadPoolExecutor() as pool:
        writing = pool.submit(raise_prices)
        while not writing.done():
            assert len(catalogue.load(editable_price_list).products()) == 6
        writing.result()
