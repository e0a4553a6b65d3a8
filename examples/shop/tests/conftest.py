from collections.abc import Iterator
from pathlib import Path

import pytest
from shop import catalogue
from shop.background import in_background
from shop.catalogue import Catalogue
from shop.checkout import Checkout
from shop.payment import PaymentClient
from shop.store import Store
from shop.terminal import SimulatedTerminal

OPENING_STOCK = 20


@pytest.fixture
def products() -> Catalogue:
    """The catalogue that the shop comes with."""
    return catalogue.load(catalogue.PRICE_LIST)


@pytest.fixture
def store(tmp_path: Path, products: Catalogue) -> Store:
    """A store of this test's own, with 20 pieces of everything."""
    store = Store(tmp_path / "shop.sqlite3")
    store.introduce({product.sku: OPENING_STOCK for product in products.products()})
    return store


@pytest.fixture
def terminal() -> Iterator[SimulatedTerminal]:
    """A card terminal that, like a real one, takes a while for every payment."""
    with in_background(SimulatedTerminal(latency=0.15)) as terminal:
        yield terminal


@pytest.fixture
def payments(terminal: SimulatedTerminal) -> PaymentClient:
    """A client of the terminal."""
    return PaymentClient(terminal.address)


@pytest.fixture
def checkout(products: Catalogue, store: Store, payments: PaymentClient) -> Checkout:
    """A checkout with everything it needs."""
    return Checkout(products, store, payments)
