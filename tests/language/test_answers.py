"""Answers: what is written is read, what the schema refuses is refused, and nothing else."""

import json
from functools import cache

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.foreign import FlatFee
from ttc_env import Market, VectorMarket
from ttc_env.language import AnswerError, Notes, Speaker, Template
from ttc_env.mechanisms import MECHANISMS

NAME = "gsm8k/reasoning_effort"
RULES = [
    *((name, {}) for name in MECHANISMS),
    *((name, {"action_type": "box"}) for name in ("second_price", "first_price", "posted_price")),
    (FlatFee(), {}),
]


@cache
def made(place, notes):
    """The environment and the answers of a rule, and what says whether JSON is one."""
    rule, options = RULES[place]
    env = VectorMarket(NAME, rule, dtype="float64", **options)
    answers = Speaker(env.game, Template(notes=notes)).form(1)
    jsonschema.Draft202012Validator.check_schema(answers.schema)
    return env, answers, jsonschema.Draft202012Validator(answers.schema)


def form(rule, options, provider=1, **fields):
    env = VectorMarket(NAME, rule, dtype="float64", **options)
    return env, Speaker(env.game, Template(**fields)).form(provider)


@pytest.mark.parametrize("notes", [False, True])
@pytest.mark.parametrize("place", range(len(RULES)))
def test_what_is_written_is_read(place, notes):
    env, answers, judge = made(place, notes)
    space = env.single_action_space
    space.seed(0)
    for _ in range(20):
        action, said = space.sample(), Notes("a", "b") if notes else Notes()
        text = answers.write(action, said)
        judge.validate(json.loads(text))
        read = answers.read(text)
        assert read.notes == said
        bids = [env.game.mechanism.bids(env.game.market, np.stack([np.asarray(a)] * 3)) for a in (read.action, action)]
        for ours, given_part in zip(*bids, strict=True):
            np.testing.assert_allclose(ours[1], given_part[1], rtol=1e-6, atol=1e-12)
        assert (
            space.contains(read.action.astype(space.dtype)) if space.dtype.kind == "f" else space.contains(read.action)
        )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150)
@given(st.data())
def test_exactly_what_the_schema_accepts_is_read(data):
    """jsonschema as the oracle: over answers that are nearly right, and arbitrary JSON."""
    _, answers, judge = made(data.draw(st.integers(0, len(RULES) - 1)), data.draw(st.booleans()))
    right = json.loads(answers.write(np.zeros(len(answers.numbers)), Notes("x", "y")))
    content = data.draw(JSON | st.just(right))
    if isinstance(content, dict) and content == right:
        for key in data.draw(st.sets(st.sampled_from(list(right)))):
            content = dict(content)
            if data.draw(st.booleans()):
                content.pop(key)
            else:
                content[key] = data.draw(JSON | st.sampled_from([1, 2.0, 0, 5, "2", True, 1e300]))
        if data.draw(st.booleans()):
            content = content | {data.draw(st.text(max_size=5)): data.draw(JSON)}
    valid = judge.is_valid(content)
    try:
        answers.read(json.dumps(content))
        assert valid
    except AnswerError:
        assert not valid


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "one JSON object"),
        ("I choose level 2.", "one JSON object and nothing else"),
        ('```json\n{"level": 2}\n```', "one JSON object and nothing else"),
        ('{"level": 2} because it pays', "one JSON object and nothing else"),
        ('{"level": "2"}', "must be a number, one of 1, 2, 3, 4, 5"),
        ('{"level": "zwei"}', "must be a number"),
        ('{"level": true}', "must be a number"),
        ('{"level": 2.5}', "one of 1, 2, 3, 4, 5, got '2.5'"),
        ('{"level": 6}', "one of 1, 2, 3, 4, 5"),
        ('{"level": NaN}', "NaN is no number"),
        ('{"level": 1e999}', "must be a number"),
        ('{"level": 2, "level": 3}', "stands twice"),
        ('{"niveau": 2}', "missing: level; not asked for: niveau"),
        ("{}", "missing: level"),
        ("[2]", "one JSON object"),
        ("2", "one JSON object"),
        ("null", "one JSON object"),
        ("[" * 100_000, "one JSON object"),
        ('{"level": 2', "one JSON object"),
        ('{"stufe": zwei}', "one JSON object"),
    ],
)
def test_an_answer_that_is_none_is_refused_with_the_reason(text, why):
    with pytest.raises(AnswerError, match=why):
        form("per_token", {})[1].read(text)


def test_nothing_is_clamped_into_the_range():
    _, answers = form("posted_price", {"action_type": "box"})
    ends = answers.schema["properties"]["price"]
    for value, fits in (
        (ends["minimum"], True),
        (ends["maximum"], True),
        (ends["maximum"] * 1.000001, False),
        (-1, False),
    ):
        text = json.dumps({"level": 1, "price": value})
        if fits:
            assert -1 <= answers.read(text).action[1] <= 1
        else:
            with pytest.raises(AnswerError, match="must be a number, from"):
                answers.read(text)


def test_notes_are_texts_of_bounded_length():
    _, answers = form("per_token", {}, notes=True)
    assert answers.read('{"level": 1, "plans": "a", "insights": ""}').notes == Notes("a", "")
    for bad in (
        '{"level": 1, "plans": 3, "insights": ""}',
        json.dumps({"level": 1, "plans": "a" * 2001, "insights": ""}),
    ):
        with pytest.raises(AnswerError, match='"plans" must be a text of at most 2,000'):
            answers.read(bad)


def test_choices_that_look_alike_get_more_digits():
    close = np.array([[1.0, 1.0 + 1e-9]])
    env = VectorMarket(
        Market(["a"], [1, 2], close + 1, close, close / 2, beta=1.0),
        "posted_price",
        dtype="float64",
        prices=(1.0, 1.0 + 1e-12, 2.0),
    )
    answers = Speaker(env.game).form(0)
    printed = answers.schema["properties"]["price"]["enum"]
    assert len(set(printed)) == 3
    assert [int(answers.read(json.dumps({"level": 1, "price": price})).action[1]) for price in printed] == [0, 1, 2]
