"""Hypothesis strategies: markets, profiles and bids."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import ttc_env
from tests.helpers.markets import KINDS, random_market
from ttc_env.mechanisms import Bids
from ttc_env.outcomes import Outcomes

POSITIVE_MARGINS = ("smooth", "grid", "duplicates")
generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@st.composite
def markets(draw, kinds=KINDS):
    """Any market: beta over ten decades, user values of both signs, exact ties, margins as `kinds` says."""
    return random_market(draw(generators), draw(st.sampled_from(kinds)))


@st.composite
def lottery_markets(draw, max_providers=4):
    """A market whose qualities are means of right and wrong answers; in eighths of alpha, so that ties are exact."""
    n, m = draw(st.integers(1, max_providers)), draw(st.integers(1, 4))
    answer_value, baseline = draw(st.sampled_from([2.0**-7, 1.0, 32.0])), draw(st.sampled_from([0.0, 0.125, 0.5]))
    eighths = arrays(float, (n, m), elements=st.integers(0, 8).map(lambda i: answer_value * i / 8))
    return ttc_env.Market(
        providers=[f"provider {i}" for i in range(n)],
        levels=range(1, m + 1),
        quality=np.maximum(draw(eighths), answer_value * baseline),
        price=draw(eighths),
        cost=draw(eighths),
        beta=draw(st.sampled_from([0.1, 200.0, 1e5])),
        outside_value=answer_value * draw(st.sampled_from([-0.25, 0.0, 0.375])),
        answer_value=answer_value,
        baseline=baseline,
    )


@st.composite
def replay_markets(draw):
    """A lottery market with outcomes on a few questions, whose means its qualities are."""
    market, rng = draw(lottery_markets()), draw(generators)
    shape = (market.num_providers, market.num_levels, draw(st.integers(1, 4)))
    accuracy = rng.integers(0, 9, shape) / 8
    tokens = rng.uniform(0.1, 3, shape)
    quality = market.unit * (market.baseline + (1 - market.baseline) * accuracy.mean(-1))
    outcomes = Outcomes(accuracy, tokens / tokens.mean(-1, keepdims=True))
    return replace(market, quality=quality, outcomes=outcomes)


@st.composite
def wild_markets(draw):
    """Tables of any sign and up to 1,000 times `answer_value`, costs above prices included."""
    rng = draw(generators)
    shape, answer_value = rng.integers(1, 5, 2), 10 ** rng.uniform(-3, 3)
    quality, price, cost = answer_value * 10 ** rng.uniform(0, 3) * rng.normal(size=(3, *shape))
    names = [f"provider {i}" for i in range(shape[0])]
    options = {"outside_value": answer_value * rng.normal(), "answer_value": answer_value}
    return ttc_env.Market(names, range(shape[1]), quality, price, cost, 10 ** rng.uniform(-3, 7), **options)


def profiles(market, batch=()):
    """Level indices `(*batch, n)`."""
    return arrays(np.int64, (*batch, market.num_providers), elements=st.integers(0, market.num_levels - 1))


@st.composite
def bids(draw, market, batch=()):
    """Levels, and asks and claims of up to 1.5 alpha either way, in eighths of alpha."""
    shape = (*batch, market.num_providers)
    money = arrays(float, shape, elements=st.integers(-12, 12).map(lambda i: market.unit * i / 8))
    return Bids(draw(profiles(market, batch)), draw(money), draw(money))
