"""A market's description: nothing of it is lost on any way it takes, and it makes the same market to the last bit."""

import inspect
import json
from dataclasses import replace

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ttc_env
from ttc_env.describing import FIELDS, MarketDescription, describe

OWN = (
    "benchmark,method,model,theta,accuracy,tokens,price_usd_per_mtok,cost_usd_per_mtok\n"
    "own,vote,org/Small-1B,1,0.5,100,0.2,0.1\nown,vote,org/Small-1B,4,0.6,400,0.2,0.3\n"
    "own,vote,org/Large-7B,1,0.7,100,0.9,0.5\nown,vote,org/Large-7B,4,0.8,400,0.9,0.5\n"
)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "own.csv"
    path.write_text(OWN)
    return str(path)


def same(one, other):
    """Whether two markets, or mixtures, are equal to the last bit."""
    tables = all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("quality", "price", "cost"))
    numbers = [(getattr(one, name), getattr(other, name)) for name in ("beta", "outside_value", "unit")]
    return tables and all(np.array_equal(*pair) for pair in numbers) and tuple(one.providers) == tuple(other.providers)


positive = st.floats(1e-4, 1e4)
names = ttc_env.list_markets()
descriptions = st.builds(
    MarketDescription,
    source=st.sampled_from(names),
    providers=st.none() | st.lists(st.integers(0, 2), min_size=1, max_size=3, unique=True).map(tuple),
    beta=positive,
    answer_value=st.none() | positive,
    baseline=st.floats(0, 0.99),
    outside_value=st.floats(-1, 1),
    markup=st.none() | st.floats(0, 10),
    costs=st.sampled_from([None, "markup"]),
)


@given(descriptions)
@settings(max_examples=25)
def test_a_description_survives_json_and_text_and_specs(description):
    market = description.load()
    for back in (
        describe(json.loads(json.dumps(description.to_dict()))),
        describe(str(description)),
        describe(gymnasium.envs.registration.EnvSpec.from_json(spec_of(description).to_json()).kwargs["market"]),
    ):
        assert back == description
        assert same(back.load(), market)
    assert same(ttc_env.load_market(**description.to_dict()), market)


def spec_of(description):
    return gymnasium.envs.registration.EnvSpec(
        "ttc/PerToken-v0",
        entry_point="ttc_env.envs.single:ProviderEnv",
        kwargs={"market": description.to_dict()},
    )


def test_it_has_the_keywords_of_load_market():
    parameters = inspect.signature(ttc_env.load_market).parameters
    assert set(FIELDS) == set(parameters)
    for name, field in FIELDS.items():
        assert name == "source" or parameters[name].default == field.default


def test_every_door_takes_it(own):
    given = {"source": own, "answer_value": 0.01, "providers": ["Large"], "beta": 200.0}
    market = ttc_env.load_market(**given)
    assert market.providers == ("org/Large-7B",)
    for door in (given, describe(given), str(describe(given))):
        assert same(ttc_env.VectorMarket(door).market, market)
        assert same(ttc_env.per_token_v0.parallel_env(market=door).engine.market, market)
    env = gymnasium.make("ttc/PerToken-v0", market=given)
    again = gymnasium.make(gymnasium.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    assert same(again.unwrapped.engine.market, market)
    vector = gymnasium.make_vec("ttc/PerToken-v0", num_envs=2, vectorization_mode="vector_entry_point", market=given)
    assert same(vector.engine.market, market)
    assert ttc_env.VectorMarket(given, beta=7.0).market.beta == 7.0
    rows = ttc_env.VectorMarket([given, given | {"beta": 9.0}])
    assert rows.num_markets == 2


def test_costs_of_a_table(own):
    market = ttc_env.load_market(own, answer_value=0.01)
    np.testing.assert_allclose(market.cost, [[1e-5, 12e-5], [5e-5, 20e-5]])
    assert market.margin[0, 1] < 0
    marked = ttc_env.load_market(own, answer_value=0.01, costs="markup")
    np.testing.assert_allclose(marked.cost, marked.price / 1.25)
    assert same(marked, ttc_env.load_market(own, answer_value=0.01, markup=0.25))
    each = ttc_env.load_market(own, answer_value=0.01, markup=[0.0, 1.0])
    np.testing.assert_allclose(each.cost, each.price / [[1.0], [2.0]])


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, "^answer_value .* must be given"),
        ({"answer_value": 0}, "^answer_value must be in"),
        ({"beta": -1.0}, "^beta must be positive"),
        ({"baseline": 1.0}, "^baseline must be"),
        ({"markup": -0.1}, "^markup must be"),
        ({"markup": "0.1"}, "^markup must be"),
        ({"answer_value": 1, "markup": (0.1,)}, "^markup must be one number, or one for each of the 2"),
        ({"answer_value": 1, "markup": 0.1, "costs": "table"}, "^markup says what providers pay"),
        ({"costs": "free"}, "^costs must be one of markup, table, measured"),
        ({"answer_value": 1, "costs": "measured"}, "^costs cannot be 'measured': .* no column measured_usd_per_mtok"),
        ({"answer_value": 1, "providers": "Large"}, "^providers must be a sequence"),
        ({"answer_value": 1, "providers": ["org"]}, "^providers: .*may be any of org/Small-1B, org/Large-7B"),
        ({"answer_value": 1, "providers": ["Larje-7B"]}, "^providers: .*did you mean Large-7B"),
        ({"answer_value": 1, "providers": [2]}, "^providers: unknown provider 2"),
        ({"answer_value": 1, "providers": ["Large", 1]}, "^providers must be at least one, each once"),
        ({"answer_value": 1, "providers": []}, "^providers must be at least one"),
        ({"answer_value": 1, "name": "own/best"}, "^name: unknown table"),
        ({"answer_value": 1, "weights": [1.0]}, "^weights belong to"),
        ({"answer_value": 1, "outcomes": 1}, "^outcomes must be true or false"),
        ({"prise": 1}, "^unknown field 'prise' of a market; allowed: source, name"),
    ],
)
def test_a_bad_field_is_named_first(own, changes, fault):
    with pytest.raises(ValueError, match=fault):
        describe({"source": own} | changes).load()


def test_text_that_describes_nothing():
    with pytest.raises(ValueError, match="beta must be given once"):
        describe('{"source": "gsm8k/best_of_n", "beta": 1, "beta": 2}')
    with pytest.raises(ValueError, match="describes no market"):
        describe('{"source"')
    with pytest.raises(ValueError, match="source must be given"):
        describe({"beta": 2.0})
    with pytest.raises(ValueError, match="a market is a name, a path, or a mapping"):
        describe(3)


@given(descriptions, descriptions)
@settings(max_examples=100)
def test_labels_tell_descriptions_apart(one, other):
    assert (one.label() == other.label()) == (one == other)


@pytest.mark.parametrize(
    ("given", "label"),
    [
        ({"source": "gsm8k/best_of_n"}, "gsm8k-best_of_n"),
        ({"source": "own.csv", "answer_value": 0.01, "markup": 0.5}, "own+value0.01+markup0.5"),
        ({"source": "own.csv", "name": "own/vote", "beta": 200}, "own+table-own=vote+beta200"),
        ({"source": "own.csv", "outside_value": 1 / 3}, "own+outside0.3333333333333333"),
    ],
)
def test_labels_can_be_read(given, label):
    assert describe(given).label() == label


def test_labels_of_files_alike():
    paths = ["own.csv", "a/own.csv", "b/own.csv", "own.tsv", "gsm8k-best_of_n.csv", "own+beta200.csv"]
    labels = [describe(path).label() for path in paths]
    labels += [describe("gsm8k/best_of_n").label(), describe("own.csv", beta=200.0).label()]
    assert len(set(labels)) == len(labels)
    assert replace(describe("own.csv"), beta=7.0).label("beta") == "own"
