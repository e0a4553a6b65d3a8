import pytest
from shop.cart import Cart
from shop.checkout import Checkout
from shop.errors import PaymentDeclinedError
from shop.store import Status

# Every test of this file takes money.
pytestmark = pytest.mark.resources("payment")


@pytest.mark.depends(name="order-flow")
@pytest.mark.depends(
    on=[
        "schema",
        "tests/integration/test_store.py::test_store_saves",
        "tests/integration/test_payment.py::test_accepts_card",
        "tests/unit/test_pricing.py::test_quote",
    ]
)
def test_order_flow(checkout: Checkout) -> None:
    order = checkout.buy(Cart({"mug": 2}), card="4111 1111 1111 1111")
    assert (order.status, order.amount, order.receipt) == (Status.PAID, 2190, "R0001")
    assert checkout.store.in_stock("mug") == 18


@pytest.mark.depends("test_order_flow")
def test_declined_payment_releases_the_stock(checkout: Checkout) -> None:
    with pytest.raises(PaymentDeclinedError):
        checkout.buy(Cart({"mug": 2}), card="4000 0000 0000 0000")
    assert checkout.store.in_stock("mug") == 20
