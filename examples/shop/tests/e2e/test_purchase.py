import pytest
from shop.client import ShopClient

CARD = "4111 1111 1111 1111"

pytestmark = pytest.mark.resources("payment")


# A file stands for all of its tests, "order-flow" for the test that took this name.
@pytest.mark.depends(on=["order-flow", "tests/integration/test_server.py"])
def test_customer_buys(shop: ShopClient) -> None:
    bought = shop.post("/orders", {"items": {"teapot": 1, "cocoa": 2}, "card": CARD})
    assert (bought.status, bought.content["status"]) == (201, "paid")
    assert shop.get(f"/orders/{bought.content['number']}").content == bought.content


@pytest.mark.depends("test_customer_buys")
def test_customer_cancels(shop: ShopClient) -> None:
    bought = shop.post("/orders", {"items": {"teapot": 1}, "card": CARD})
    cancelled = shop.delete(f"/orders/{bought.content['number']}")
    assert (cancelled.status, cancelled.content["status"]) == (200, "cancelled")


@pytest.mark.depends("test_customer_buys")
def test_customer_comes_too_late(shop: ShopClient) -> None:
    assert shop.post("/orders", {"items": {"mug": 3}, "card": CARD}).status == 201
    assert shop.post("/orders", {"items": {"mug": 1}, "card": CARD}).status == 409
