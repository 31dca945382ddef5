"""Answers composed of lines that were read."""

from __future__ import annotations

from page_reading import Line, lines_of
from sight import compose

TABLE = "\n".join(
    [
        "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext",
        "1\t1\t0\t0\t0\t0\t0\t0\t1280\t800\t-1\t",
        "5\t1\t2\t1\t1\t1\t25\t90\t60\t12\t90.0\tPaid",
        "5\t1\t2\t1\t1\t2\t95\t91\t20\t10\t80.0\tup",
        "5\t1\t2\t1\t1\t3\t125\t91\t5\t10\t12.0\t|",
        "5\t1\t1\t1\t1\t1\t25\t30\t120\t28\t96.7\tOrders",
        "5\t1\t2\t1\t2\t1\t25\t120\t60\t12\t96.0\t ",
    ]
)


def lines(*texts: str) -> list[Line]:
    return [Line(text, 0.9, 0, 20 * number, 100, 12) for number, text in enumerate(texts)]


def test_words_become_lines_from_the_top_down() -> None:
    assert lines_of(TABLE) == [Line("Orders", 0.967, 25, 30, 120, 28), Line("Paid up", 0.85, 25, 90, 90, 11)]


def test_large_lines_are_headings() -> None:
    seen = compose("desk.html", [Line("Orders", 0.97, 0, 0, 100, 28), *lines("one", "two", "three")], None)
    assert seen["headings"] == ["Orders"]
    assert seen["summary"] == "desk.html shows 4 lines of text, headed “Orders”."
    assert (seen["word_count"], seen["text"]) == (4, "Orders\none\ntwo\nthree")


def test_some_words_ask_for_attention() -> None:
    seen = compose("desk.html", lines("invoice overdue", "all is well", "downtown office", "Sander DOWN."), None)
    assert seen["attention"] == ["invoice overdue", "Sander DOWN."]
    assert seen["summary"].endswith("2 lines ask for attention: invoice overdue; Sander DOWN.")


def test_the_second_look_says_what_changed() -> None:
    assert "changes" not in compose("desk.html", lines("one"), None)
    seen = compose("desk.html", lines("one", "three"), ["one", "two"])
    assert seen["changes"] == {"added": ["three"], "removed": ["two"]}
    assert seen["summary"].endswith("Since I last looked, new: three — gone: two.")
    assert compose("desk.html", lines("one"), ["one"])["summary"].endswith("Nothing changed since I last looked.")


def test_an_empty_page() -> None:
    assert compose("blank.html", [], None)["summary"] == "blank.html shows no text that I can read."
