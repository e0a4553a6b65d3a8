from pytest_orchestra.running.inbox import Inbox


def test_what_was_put_is_taken_in_order() -> None:
    """Unless it was recalled before."""
    inbox = Inbox()
    assert inbox.put([1, 2, 3])
    assert inbox.recall([2, 9]) == (2,)
    assert [inbox.take(), inbox.take()] == [1, 3]


def test_who_refuses_gives_back_what_is_queued() -> None:
    """And takes nothing until it is told that what comes cleans up; then it takes everything."""
    inbox = Inbox()
    inbox.put([1, 2])
    assert inbox.refuse() == (1, 2)
    assert not inbox.put([3])
    assert inbox.peek() is None
    assert inbox.refuse() is None
    inbox.clean()
    assert inbox.put([4])
    assert inbox.take() == 4


def test_who_cleans_up_refuses_no_more() -> None:
    """Its own failures do not keep it from going on."""
    inbox = Inbox()
    inbox.clean()
    inbox.put([1])
    assert inbox.refuse() is None
    assert inbox.take() == 1


def test_who_refuses_can_be_stopped() -> None:
    """Nobody waits for ever."""
    inbox = Inbox()
    inbox.refuse()
    inbox.stop()
    assert inbox.take() is None
