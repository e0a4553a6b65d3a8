import pytest
from shop.payment import PaymentClient


# Order only: the day is closed after all payments, whether they went well or not.
@pytest.mark.depends("tests/integration/test_payment.py", when="finished")
@pytest.mark.resources("payment")
def test_total_counts_what_was_not_refunded(payments: PaymentClient) -> None:
    payments.charge(1250, "4111 1111 1111 1111")
    receipt = payments.charge(800, "5500 0000 0000 0004")
    payments.refund(receipt)
    assert payments.total() == 1250
