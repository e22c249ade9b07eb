"""Extreme markets against arithmetic of eighty digits: beta over 600 decades, values over twelve, zero margins."""

import itertools

import mpmath
import numpy as np
import pytest

import ttc_env
from ttc_env import equilibrium

KINDS = ("plain", "identical", "zero margins", "negative welfare", "one provider")
EPS = np.finfo(float).eps


def extreme_market(rng, kind):
    """Logits `beta V` of any size up to 1e8; values of one market differ by up to twelve orders of magnitude."""
    n, m = (1 if kind == "one provider" else rng.integers(1, 4)), rng.integers(1, 4)
    beta = 10.0 ** rng.uniform(-300, 300)
    unit = 10.0 ** rng.uniform(-6, 8) / beta
    quality, price, cost = unit * 10.0 ** rng.uniform(-12, 0, (3, n, m))
    if kind == "identical":
        quality, price, cost = (np.repeat(table[:1], n, axis=0) for table in (quality, price, cost))
    if kind == "zero margins":
        cost = np.where(rng.random((n, m)) < 0.6, price, cost)
    if kind == "negative welfare":
        cost = cost + quality
    outside = rng.choice([0.0, unit, -unit, unit * 10.0 ** rng.uniform(-12, 0)])
    names = [f"provider {i}" for i in range(n)]
    return ttc_env.Market(names, range(m), quality, price, cost, beta, outside, answer_value=max(unit, 1e-290))


class Exact:
    """One market in eighty digits; the tables are the floats that the market holds."""

    def __init__(self, market):
        self.market, self.n, self.m = market, market.num_providers, market.num_levels
        self.beta, self.v0 = mpmath.mpf(market.beta), mpmath.mpf(market.outside_value)
        self.tables = {
            name: [[mpmath.mpf(float(x)) for x in row] for row in getattr(market, name)]
            for name in ("quality", "price", "cost")
        }

    def at(self, profile):
        """Shares, utilities and welfare at a profile."""
        quality, price, cost = (
            [table[i][k] for i, k in enumerate(profile)] for table in self.tables.values()
        )  # fmt: skip
        logits = [self.beta * (q - p) for q, p in zip(quality, price, strict=True)] + [self.beta * self.v0]
        top = max(logits)
        weights = [mpmath.exp(logit - top) for logit in logits]
        shares = [weight / sum(weights) for weight in weights]
        utility = [share * (p - c) for share, p, c in zip(shares, price, cost, strict=False)]
        welfare = sum(share * (q - c) for share, q, c in zip(shares, quality, cost, strict=False))
        return shares, utility, welfare + shares[-1] * self.v0


@pytest.mark.parametrize("kind", KINDS)
def test_shares_profits_and_welfare_are_exact_to_rounding(kind):
    rng, worst = np.random.default_rng(0), 0.0
    with mpmath.workdps(80):
        for _ in range(60):
            market = extreme_market(rng, kind)
            exact, profile = Exact(market), rng.integers(0, market.num_levels, market.num_providers)
            shares, utility, welfare = exact.at(profile)
            size = 1 + market.beta * max(abs(market.user_value).max(), abs(market.outside_value))
            slack = 16 * EPS * size  # what rounding of the logits alone does to a share, relatively
            table = max(float(abs(t).max()) for t in (market.quality, market.price, market.cost))
            found, profits = market.shares(profile), market.utility(profile)
            assert np.isfinite(found).all()
            assert np.isfinite(profits).all()
            for i in range(market.num_providers):
                assert abs(found[i] - shares[i]) <= slack * shares[i] + 1e-300
                assert abs(profits[i] - utility[i]) <= slack * abs(utility[i]) + 4 * EPS * table * shares[i] + 1e-300
                worst = max(worst, float(abs(found[i] - shares[i]) / (slack * shares[i] + 1e-300)))
            scale = table + abs(market.outside_value)
            assert abs(float(market.welfare(profile)) - welfare) <= (slack + 16 * EPS) * scale
    print(f"60 markets, {kind}: largest error {worst:.2f} of what rounding of logits explains")


@pytest.mark.parametrize("kind", KINDS)
def test_optima_and_equilibria_are_those_of_all_profiles(kind):
    """The optimum attains the best of all profiles; an equilibrium leaves nobody a gain, and none is lost."""
    rng, equilibria = np.random.default_rng(1), 0
    with mpmath.workdps(80):
        for _ in range(40):
            market = extreme_market(rng, kind)
            exact = Exact(market)
            played = {p: exact.at(p) for p in itertools.product(range(exact.m), repeat=exact.n)}
            best = max(welfare for _, _, welfare in played.values())
            optimum = equilibrium.welfare_optimum(market)
            size = 1 + market.beta * max(abs(market.user_value).max(), abs(market.outside_value))
            scale = mpmath.mpf(float(abs(market.welfare_contribution).max() + abs(market.outside_value)))
            slack = mpmath.mpf(1e-12 + 256 * EPS * size)
            assert abs(played[tuple(optimum.profile.tolist())][2] - best) <= slack * scale
            found = {tuple(profile) for profile in equilibrium.pure_nash(market).tolist()}
            equilibria += len(found)
            for profile, (_, utility, _) in played.items():
                regret = _largest_regret(played, profile, utility, exact.m)
                if profile in found:
                    assert regret <= 4 * slack
                else:
                    assert regret > 0
    print(f"40 markets, {kind}: {equilibria} equilibria, none wrong and none missing")


def _largest_regret(played, profile, utility, levels):
    """The largest gain by a deviation as a fraction of what it would earn or lose."""
    worst = mpmath.mpf(0)
    for i, k in itertools.product(range(len(profile)), range(levels)):
        other = played[(*profile[:i], k, *profile[i + 1 :])][1][i]
        gain = other - utility[i]
        if gain > 0:
            worst = max(worst, gain / max(abs(other), abs(utility[i])))
    return worst
