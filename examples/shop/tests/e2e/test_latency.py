import time
from statistics import median

import pytest
from shop.client import ShopClient


# A measurement: nothing else may run meanwhile.
@pytest.mark.resources("*")
@pytest.mark.depends("tests/integration/test_server.py::test_lists_products")
def test_product_list_comes_quickly(shop: ShopClient) -> None:
    assert median(_seconds(shop) for _ in range(50)) < 0.5


def _seconds(shop: ShopClient) -> float:
    """How long one request takes."""
    start = time.perf_counter()
    shop.get("/products")
    return time.perf_counter() - start
