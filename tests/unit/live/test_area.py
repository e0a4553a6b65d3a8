from __future__ import annotations

import io

import pytest
from glass import Glass

from pytest_orchestra.live.area import Area, printable


class Paper(io.StringIO):
    """A file that a program prints to, and the glass on which somebody reads it."""

    def __init__(self, columns: int = 40, rows: int = 8) -> None:
        super().__init__()
        self.columns = columns
        self.glass = Glass(columns, rows)
        self.line = ""
        self.area = Area(self, lambda: self.columns, lambda: len(self.line), is_coloured=False)

    def write(self, text: str) -> int:
        """Show ``text`` on the glass."""
        self.glass.feed(text)
        return super().write(text)

    def print(self, text: str) -> None:
        """Print ``text`` as pytest's terminal writer does, which knows the line it is in."""
        self.line = (self.line + text).rpartition("\n")[2]
        self.area.write(text)
        self.area.flush()

    def size(self) -> int:
        """Return how much was written so far."""
        return len(self.getvalue())


def test_lines_stand_below_what_is_printed() -> None:
    """The cursor stays where the program has left it."""
    paper = Paper()
    paper.print("one\ntwo ..")
    paper.area.show(["status", "gw0 test"])
    assert paper.glass.lines == ["one", "two ..", "status", "gw0 test"]
    assert paper.glass.cursor == (1, 6)


def test_what_is_printed_in_a_line_goes_on_in_it() -> None:
    """Nothing is drawn anew for that."""
    paper = Paper()
    paper.print("..")
    paper.area.show(["status"])
    before = paper.size()
    paper.print(".")
    assert paper.glass.lines == ["...", "status"]
    assert paper.size() == before + 1


def test_lines_give_way_to_new_ones() -> None:
    """Whatever is printed is left as it would be without them."""
    paper = Paper()
    paper.print("..")
    paper.area.show(["a long status", "and more of it"])
    paper.print("F [ 50%]\nabc\n")
    assert paper.glass.lines == ["..F [ 50%]", "abc", "", "a long status", "and more of it"]
    paper.area.close()
    assert paper.glass.lines == ["..F [ 50%]", "abc"]


def test_at_the_bottom_of_the_screen_it_scrolls() -> None:
    """Nothing that was printed is written over."""
    paper = Paper(rows=5)
    for number in range(9):
        paper.print(f"\nline {number}")
        paper.area.show([f"status {number}", "gw0 test"])
    assert paper.glass.lines == ["line 6", "line 7", "line 8", "status 8", "gw0 test"]


def test_a_line_that_wraps_takes_their_place() -> None:
    """They give way where no line feed is printed either."""
    paper = Paper(columns=10)
    paper.print("12345")
    paper.area.show(["status"])
    paper.print("67890abc")
    assert paper.glass.lines == ["1234567890", "abc", "status"]


@pytest.mark.parametrize("text", ["1234567890", "1234567890abcdefghij"])
def test_behind_the_last_letter_of_a_line_nothing_is_drawn(text: str) -> None:
    """The cursor could not be brought back there: what comes next would write over that letter."""
    paper = Paper(columns=10)
    paper.print(text)
    paper.area.show(["status"])
    paper.print("+")
    assert paper.glass.lines[-2:] == ["+", "status"]
    assert "".join(paper.glass.lines[:-1]) == f"{text}+"


def test_fewer_lines_leave_nothing_of_more() -> None:
    """Old lines go when new ones are drawn, longer ones too."""
    paper = Paper()
    paper.area.show(["a long line", "second", "third"])
    paper.area.show(["short"])
    assert paper.glass.lines == ["", "short"]


def test_what_is_too_long_is_cut_off() -> None:
    """A line of it is a line on the screen."""
    paper = Paper(columns=10)
    paper.print("..")
    paper.area.show(["x" * 25, "next"])
    assert paper.glass.lines == ["..", "x" * 10, "next"]
    paper.print("." * 3)
    assert paper.glass.lines[0] == "....."


def test_a_terminal_may_become_narrower_and_wider() -> None:
    """What is below the cursor can always be erased."""
    paper = Paper(columns=30, rows=8)
    paper.print("..")
    paper.area.show(["a status of some length"])
    paper.columns = 12
    paper.glass.resize(12, 8)
    paper.area.show(["short", "again"])
    paper.print("\nnext")
    assert paper.glass.lines == ["..", "next", "short", "again"]


def test_another_thread_has_its_own_way_to_the_terminal() -> None:
    """What it draws stands where the rest stands; what is to be printed past all of it finds room."""
    paper = Paper()
    paper.print("test_a.py .")
    paper.area.show(["main 1 s"], paper.glass.feed)
    assert paper.glass.lines == ["test_a.py .", "main 1 s"]
    paper.area.clear(paper.glass.feed)
    paper.glass.feed("\nsaid past it\n")
    paper.area.show(["main 2 s"], paper.glass.feed)
    assert paper.glass.lines == ["test_a.py .", "said past it", "", "main 2 s"]
    assert "main" not in paper.getvalue()


def test_it_is_the_file_in_every_other_way() -> None:
    """Whoever asks it whether it is a terminal is told by the file."""
    paper = Paper()
    assert paper.area.isatty() is paper.isatty()
    assert paper.area.getvalue() == ""
    with pytest.raises(AttributeError):
        _ = paper.area.no_such_thing


def test_names_of_tests_cannot_move_the_cursor() -> None:
    """What is not printable is shown as an escape; other languages are."""
    paper = Paper()
    paper.area.show(["test[\x1b[2J\r\n\ud800]"])
    assert paper.glass.lines == ["", r"test[\x1b[2J\r\n\ud800]"]
    assert printable("test_größe[日本]") == "test_größe[日本]"
