"""Extraction of answers, strict and flexible, and the second opinion."""

import pytest

from curves.second_opinion import SecondOpinion
from curves.verify import canonical, extract, last_boxed


@pytest.mark.parametrize(
    ("text", "strict", "flexible"),
    [
        ("6 * 7 = 42\n#### 42", "42", "42"),
        ("#### 1,234.50 dollars", "2469/2", "2469/2"),
        ("#### $18", "18", "18"),
        ("#### -3", "-3", "-3"),
        ("first #### 5, no: #### 6", "6", "6"),
        ("so \\boxed{42}.", None, "42"),
        ("#### 41, no: \\boxed{42}", "41", "42"),
        ("The answer is **7**. I used 3 steps", None, "7"),
        ("The answer is 70%", None, "70"),
        ("it costs 5 apples and 12 pears.", None, "12"),
        ("\\boxed{\\frac{1}{2}}", None, "1/2"),
        ("\\boxed{0.50}", None, "1/2"),
        ("\\boxed{two}, that is 2", None, "2"),
        ("I do not know", None, None),
        ("", None, None),
        ("1/0", None, None),
        ("the answer is \u0663", None, None),  # digits of another script are no answer
    ],
)
def test_numbers(text, strict, flexible):
    assert extract(text, "number") == (strict, flexible)


@pytest.mark.parametrize(
    ("text", "strict", "flexible"),
    [
        ("\\boxed{042}", "42", "42"),
        ("\\boxed{\\text{about }7}", "7", "7"),
        ("\\boxed{1000} or the answer is 5", None, "5"),
        ("\\boxed{-1}", None, None),
        ("\\boxed{3.5}", None, None),
        ("answer: 999", None, "999"),
        ("\\boxed{12} then \\boxed{13}", "13", "13"),
    ],
)
def test_integers_of_aime_are_0_to_999(text, strict, flexible):
    assert extract(text, "integer") == (strict, flexible)


@pytest.mark.parametrize(
    ("text", "strict", "flexible"),
    [
        ("Answer: C", "C", "C"),
        ("**Answer: (b)**", "B", "B"),
        ("Answer: A\nNo. Answer: D", "D", "D"),
        ("The answer is B.", None, "B"),
        ("\\boxed{\\text{C}}", None, "C"),
        ("so it must be (D)", None, "D"),
        ("A good question, hard to say", None, None),
        ("Answer: maybe", None, None),
    ],
)
def test_choices(text, strict, flexible):
    assert extract(text, "choice") == (strict, flexible)


def test_equal_answers_have_one_spelling():
    assert {canonical(text, "number") for text in ("0.5", "1/2", ".50", "$0.5", "\\frac{1}{2}", " 2/4 ")} == {"1/2"}
    assert {canonical(text, "number") for text in ("1,000", "1000.", "1000.0", "1 000")} == {"1000"}
    assert canonical("-0", "number") == "0"
    assert canonical(None, "number") is canonical("x", "number") is None


def test_boxes_nest():
    assert last_boxed("\\boxed{a{b}c} d") == "a{b}c"
    assert last_boxed("\\boxed{never closed") is None
    assert last_boxed("none") is None


def test_math_verify_gives_a_second_opinion_that_cannot_hang():
    pytest.importorskip("math_verify")
    with SecondOpinion(timeout=60) as opinion:
        assert opinion.agrees("1/2", "so $\\frac{2}{4}$") is True
        assert opinion.agrees("1/2", "so $\\boxed{3}$") is False
        opinion.timeout = 0
        assert opinion.agrees("1/2", "$1/2$") is None  # too slow: the process is replaced
        opinion.timeout = 60
        assert opinion.agrees("3", "#### 3") is True
