"""Hypothesis strategies: markets, profiles and bids."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.markets import KINDS, random_market

import ttc_env

POSITIVE_MARGINS = ("smooth", "grid", "duplicates")
unit_draws = st.floats(0, 1, exclude_max=True)


@st.composite
def markets(draw, kinds=KINDS):
    """Any market: beta over ten decades, user values of both signs, exact ties, margins as `kinds` says."""
    return random_market(np.random.default_rng(draw(st.integers(0, 2**32 - 1))), draw(st.sampled_from(kinds)))


@st.composite
def lottery_markets(draw, max_providers=4):
    """A market whose qualities are means of right and wrong answers, so that demand can be sampled."""
    n, m = draw(st.integers(1, max_providers)), draw(st.integers(1, 4))
    tenths = arrays(float, (n, m), elements=st.integers(0, 10).map(lambda i: i / 10))
    answer_value, baseline = draw(st.sampled_from([0.008, 1.0, 30.0])), draw(st.sampled_from([0.0, 0.1, 0.5]))
    return ttc_env.Market(
        providers=[f"provider {i}" for i in range(n)],
        levels=range(1, m + 1),
        quality=answer_value * (baseline + (1 - baseline) * draw(tenths)),
        price=answer_value * draw(tenths),
        cost=answer_value * draw(tenths),
        beta=draw(st.sampled_from([0.1, 200.0, 1e5])),
        outside_value=answer_value * draw(st.sampled_from([-0.2, 0.0, 0.3])),
        answer_value=answer_value,
        baseline=baseline,
    )


def profiles(market, batch=()):
    """Level indices `(*batch, n)`."""
    return arrays(np.int64, (*batch, market.num_providers), elements=st.integers(0, market.num_levels - 1))
