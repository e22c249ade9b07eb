"""Extraction of answers, strict and flexible, and the second opinion."""

import csv
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curves.verify import canonical, extract, last_boxed
from curves.verify.second_opinion import SecondOpinion

DATA = Path(__file__).parents[1] / "data"
LETTERS = "ABCDEFGHIJ"


def cases():
    for name in ("answer_strings.csv", "answer_cases.csv"):
        with open(DATA / name, newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                yield pytest.param(row["text"], row["kind"], row["strict"], row["flexible"], id=repr(row["text"])[:60])


@pytest.mark.parametrize(("text", "kind", "strict", "flexible"), list(cases()))
def test_answers_of_the_tables(text, kind, strict, flexible):
    """An empty cell is no answer; what is marked `?` is not judged."""
    read = extract(text, kind)
    for expected, answer in ((strict, read.strict), (flexible, read.flexible)):
        assert expected == "?" or answer == (expected or None)


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
        ("\\boxed{two}, that is 2", None, None),
        ("#### 1. Count them\nThree and four.\n#### 7", "7", "7"),
        ("I do not know", None, None),
        ("", None, None),
        ("1/0", None, None),
        ("the answer is \u0663", None, None),  # digits of another script are no answer
        ("9" * 5000, None, None),
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
        ("the answer is 5, or \\boxed{1000}", None, None),
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


STRICT_CHOICES = (
    "Answer: {}", "Answer: ({})", "Answer: {}.", "Answer: ${}$", "Answer: $ {} $", "Answer: **{}**", "**Answer: {}**",
    "**Answer:** {}", "**Answer**: **{}**", "*Answer*: *{}*", "***ANSWER***: ***{}***", "Answer: \\boxed{{{}}}",
    "Answer: {}) 4.1 eV", "Answer: ({}) 4.1 eV", "Answer: {}. 4.1 eV", "Answer: {} 4.1 eV", "Answer: {}, because",
    "ANSWER: {}", "answer: {}", "Final Answer: {}", "Answer: _{}_", "Answer : {}", "Answer: `{}`",
    "Answer: \\text{{{}}}", "Answer: \\mathbf{{{}}}", "Answer:\n{}", "Answer:\n\n({})", 'Answer: "{}"',
    "Answer: {}: it cools", "Answer: [{}]", "Answer: {}\n\nQuestion: next?\nAnswer: J",
    "<think>Answer: J</think>\nAnswer: {}", "Answer: {}, not (J).",
)  # fmt: skip
CHOICES = (
    "Answer: Option {}", "The answer is {}", "The answer is {}.", "The answer is ({}).", "The answer is **{}**.",
    "The answer is {} because it cools.", "The answer is {}, because it cools.", "The answer is {}: it cools",
    "The answer is: {}", "The answer is: {}, not (J).", "The answer is option {}.", "The correct answer is {}",
    "The correct answer is {}) 17", "The correct choice is {}.",
    "The correct choice is {}, because energy is conserved.", "The correct option is **{}**, since 3",
    "Therefore, the correct option is ({}).", "{}", "({})", "{}.", "**{}**", "{}) 17", "{}. 17", "{}: it cools",
    "({}) it cools", "So it must be {}.", "so {}", "\\boxed{{{}}}", "\\boxed{{\\text{{{}}}}}",
    "\\boxed{{\\mathrm{{{}}}}}", "\\boxed{{({})}}", "\\boxed{{\\textbf{{{}}}}}", "\\boxed{{{}: it cools}}",
    "\\boxed{{{}. it cools}}", "\\boxed{{{}) it cools}}", "\\boxed{{\\text{{({}) it cools}}}}", "\\boxed{{Option {}}}",
    "\\fbox{{{}}}", "$\\mathbf{{{}}}$", "${}$", "Option {} is correct.", "({}) is correct.",
    "{} is the correct answer.", "<answer>{}</answer>", "I think {} is right", "I would go with {}.", "My choice: {}",
    "Solution: {}", "Reasoning.\n\n{}", "Reasoning.\n\n**({})**", "A good question. The answer is {}.",
    "I think the answer is {}.", "The answer is a combination of both, so ({}).", "So the answer must be {}.",
    "The answer should be {}, not the others.", "The answer is therefore ({}).",
    "The answer is {}\n\nQuestion: next?\nAnswer: J", "<think>Answer: J</think>The answer is {}.",
    "Choices J and I fail; the answer is ({}) once H is excluded.",
)  # fmt: skip


@pytest.mark.parametrize("form", STRICT_CHOICES + CHOICES)
def test_every_letter_is_treated_alike(form):
    read = [extract(form.format(letter), "choice") for letter in LETTERS]
    assert [answer.flexible for answer in read] == list(LETTERS)
    assert [answer.strict for answer in read] == (list(LETTERS) if form in STRICT_CHOICES else [None] * 10)


@pytest.mark.parametrize(
    "form",
    [
        "{} good question, hard to say", "{} think it is hard", "Answer: {} or E", "The answer is {} or E.",
        "\\boxed{{{}, E}}", "\\boxed{{{} \\text{{ and }} E}}", "{} or E", "The answer is ({}) and (E)",
        "Answer: {}'m not sure", "The {}-shaped one",
    ],
)  # fmt: skip
def test_what_is_no_choice_is_none_for_any_letter(form):
    assert {extract(form.format(letter), "choice") for letter in LETTERS} == {(None, None)}


# How one number may be spelt: the sign, and what follows it.
SIGNS = ("-", "\u2212", "- ", "{-}", "\\text{\u2212}", "\u2013")


@st.composite
def spelt_numbers(draw):
    """A number and one of its spellings, in plain text or LaTeX."""
    negative = draw(st.booleans())
    sign = draw(st.sampled_from(SIGNS[:2])) if negative else ""
    kind = draw(st.sampled_from(("whole", "thousands", "decimal", "fraction", "mixed", "power")))
    big, under = draw(st.integers(1, 10**9)), draw(st.integers(2, 97))
    over = draw(st.integers(1, under - 1))
    ratio = draw(st.sampled_from((
        "\\frac{{{}}}{{{}}}", "\\dfrac{{{}}}{{{}}}", "\\tfrac{{{}}}{{{}}}", "{}/{}", "{} / {}", "{}\u2044{}",
    ))).format(over, under)  # fmt: skip
    if kind == "whole":
        value, text = Fraction(big), str(big)
    elif kind == "thousands":
        separator = draw(st.sampled_from((",", "{,}", " ", "\u202f", "\u00a0", "\\,", ",\\!", "~")))
        value, text = Fraction(big), f"{big:,}".replace(",", separator)
    elif kind == "decimal":
        cents = draw(st.integers(0, 99))
        value, text = big + Fraction(cents, 100), f"{big}.{cents:02}"
    elif kind == "fraction":
        value, text = Fraction(over, under), ratio
    elif kind == "mixed":
        whole = draw(st.integers(1, 999))
        value, text = whole + Fraction(over, under), f"{whole} {ratio}"
    else:
        mantissa, exponent = draw(st.integers(1, 99)), draw(st.integers(-6, 9))
        by = draw(st.sampled_from((
            "e{}", "E{}", " \\times 10^{{{}}}", "\\cdot 10^{{{}}}", " \u00d7 10^{}", " x 10^{}", " * 10**{}",
            "\u22c510^{{{}}}",
        )))  # fmt: skip
        value, text = Fraction(mantissa, 10) * Fraction(10) ** exponent, f"{mantissa / 10}" + by.format(exponent)
    return (-value if negative else value), sign + text


WRAPPED = (
    "{}", "**{}**", "*{}*", "__{}__", "_{}_", "***{}***", "${}$", "$${}$$", "\\({}\\)", "\\[{}\\]", "`{}`", '"{}"',
    "\\text{{{}}}", "\\mathbf{{{}}}", "\\textbf{{{}}}", "\\mathrm{{{}}}", "**${}$**", "$\\mathbf{{{}}}$",
    "\\displaystyle {}", "<b>{}</b>", "\\underline{{{}}}", "\\;{}\\;", " {} ",
)  # fmt: skip
UNITS = (
    "",
    "",
    "",
    " dollars",
    "\\%",
    "%",
    " cm",
    "\\text{ apples}",
    "\\ \\mathrm{km}",
    "^\\circ",
    "\u00b0",
    " square feet",
    "\\text{ cm}^2",
)
STATED = (
    "The answer is {}.", "The answer is: {}", "Answer: {}", "**Answer:** {}",
    "Therefore, the final answer is {}. That took 3 steps.", "So the result is {}, as 7 people know.",
    "The answer is {} (in 3 steps).", "Answer:\n{}\n\nI used 3 steps.", "The answer is x = {}.",
    "2 + 5 is 7.\nThe answer is about {}", "<think>The answer is 5.</think>\nThe answer is {}",
    "The answer is {}\n\nQuestion: 3 + 4?\nAnswer: 7",
)  # fmt: skip
BOXED = (
    "\\boxed{{{}}}",
    "so $\\boxed{{{}}}$.",
    "\\[\\boxed{{{}}}\\] in 3 steps",
    "**\\boxed{{{}}}**",
    "\\boxed{{x = {}}}",
    "\\fbox{{{}}}",
)


@given(spelt_numbers(), st.sampled_from(WRAPPED), st.sampled_from(UNITS), st.sampled_from(STATED + BOXED))
def test_any_decoration_of_any_number_is_read_as_that_number(spelt, wrapped, unit, form):
    value, text = spelt
    decorated = form.format(wrapped.format(text + unit if "text" not in wrapped else text))
    assert extract(decorated, "number").flexible == str(value), decorated


@given(spelt_numbers(), st.sampled_from(WRAPPED), st.sampled_from(UNITS))
def test_hashes_are_strict_whatever_decorates_the_number(spelt, wrapped, unit):
    value, text = spelt
    decorated = f"6 steps\n#### {wrapped.format(text + unit if 'text' not in wrapped else text)}\n"
    assert extract(decorated, "number") == (str(value), str(value)), decorated


@given(st.integers(0, 999), st.sampled_from(WRAPPED), st.sampled_from(UNITS), st.sampled_from(BOXED[:4]))
def test_boxes_are_strict_whatever_decorates_the_integer(value, wrapped, unit, form):
    decorated = form.format(wrapped.format(f"{value}{unit}" if "text" not in wrapped else value))
    assert extract(decorated, "integer") == (str(value), str(value)), decorated


@given(
    st.integers(2, 99), st.integers(2, 99),
    st.sampled_from((
        "{}\\sqrt{{{}}}", "\\sqrt{{{}}} + {}", "{} + {}", "{} - {}", "({}, {})", "{}, {}", "{} \\text{{ or }} {}",
        "{} or {}", "{} and {}", "\\{{{}, {}\\}}", "{}:{}", "{} \\pm {}", "{}^{{{}}}", "{}\\pi + {}",
        "\\binom{{{}}}{{{}}}", "[{}, {}]", "{} \\cdot {}", "{} \\div {}", "{}x + {}", "\\frac{{{}\\pi}}{{{}}}",
        "{} to {}", "\\log_{{{}}} {}", "x > {} > {}",
    )),
    st.sampled_from(("\\boxed{{{}}}", "#### {}", "The answer is {}.", "$\\boxed{{{}}}$ took 8 steps")),
)  # fmt: skip
def test_no_number_is_picked_out_of_what_cannot_be_read(one, other, expression, form):
    text = form.format(expression.format(one, other))
    assert extract(text, "number") == (None, None), text


@given(st.text())
def test_any_text_is_read_or_not(text):
    for kind in ("number", "integer", "choice"):
        for answer in extract(text, kind):
            assert answer is None or canonical(answer, kind) == answer


@pytest.mark.parametrize(
    "part",
    [
        "1 000 ", "the answer ", "**", "_a", "{", "\\frac{1", "\\text{", "$", "####", "1,", "A) ", "<think>",
        "\\boxed{", "= ", "- ", "<answer>", "answer: 1 ", "Question: 1\n", "1/", "(", "A or ", "x^", "and 1 ",
        "24 apples ", "\\\\", "the answer to ", "about ", "<b ", "\n", "# ", " \n",
    ],
)  # fmt: skip
def test_what_a_model_repeats_without_end_is_read_before_long(part):
    """Seconds where time grows with the square of the text, of 30,000 characters; else milliseconds."""
    text = part * (30_000 // len(part))
    for kind in ("number", "integer", "choice"):
        extract(text, kind)


def test_equal_answers_have_one_spelling():
    assert {canonical(text, "number") for text in ("0.5", "1/2", ".50", "$0.5", "\\frac{1}{2}", " 2/4 ", "\u00bd")} == {
        "1/2"
    }
    assert {canonical(text, "number") for text in ("1,000", "1000.", "1000.0", "1 000", "1{,}000", "1e3", "10^3")} == {
        "1000"
    }
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
