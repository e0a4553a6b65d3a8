"""Tests of the API on the network; none of them takes money, so none claims a terminal."""

from collections.abc import Iterator

import pytest
from shop.api import Api
from shop.background import in_background
from shop.checkout import Checkout
from shop.client import ShopClient
from shop.server import ShopServer


@pytest.fixture
def client(checkout: Checkout) -> Iterator[ShopClient]:
    """A client of a server that runs in a thread of the test."""
    with in_background(ShopServer(Api(checkout))) as server:
        yield ShopClient(server.address)


@pytest.mark.smoke
@pytest.mark.priority(10)
def test_health(client: ShopClient) -> None:
    assert client.get("/health").content == {"status": "open"}


@pytest.mark.depends("test_health")
def test_lists_products(client: ShopClient) -> None:
    answer = client.get("/products?search=tea")
    assert [product["sku"] for product in answer.content] == ["tea-green", "tea-black", "teapot"]


@pytest.mark.depends("test_health")
def test_quotes_a_cart(client: ShopClient) -> None:
    answer = client.post("/quotes", {"items": {"mug": 2}})
    assert answer.content == {"goods": 1700, "shipping": 490, "total": 2190}


@pytest.mark.depends("test_health")
@pytest.mark.parametrize("path", ["/products/gold", "/orders/1"], ids=["product", "order"])
def test_answers_404(client: ShopClient, path: str) -> None:
    assert client.get(path).status == 404


@pytest.mark.depends("test_health")
def test_answers_400_to_nonsense(client: ShopClient) -> None:
    assert client.send("POST", "/orders", b"one mug, please").status == 400
