"""Markets for tests: random ones of every awkward kind, and a brute force that shares no code with the solvers."""

import itertools

import numpy as np

import ttc_env

KINDS = ("smooth", "grid", "duplicates", "zero margins", "mixed margins", "negative margins")


def market_of(user_value, margin, beta=1.0, outside_value=0.0):
    """The market with exactly these user values and margins (cost 0 keeps both from being rounded)."""
    user_value, margin = np.atleast_2d(user_value).astype(float), np.atleast_2d(margin).astype(float)
    n, m = user_value.shape
    return ttc_env.Market(
        providers=[f"provider {i}" for i in range(n)],
        levels=range(m),
        quality=user_value + margin,
        price=margin,
        cost=np.zeros((n, m)),
        beta=beta,
        outside_value=outside_value,
    )


def random_market(rng, kind=None, max_providers=5, max_levels=6, max_logit=1e5):
    """A market with beta over ten decades and logits `beta V` of typical size from a millionth to `max_logit`."""
    kind = kind or rng.choice(KINDS)
    n, m = rng.integers(1, max_providers + 1), rng.integers(1, max_levels + 1)
    beta = 10.0 ** rng.uniform(-3, 7)
    scale = 10.0 ** rng.uniform(-6, np.log10(max_logit)) / beta
    if kind in ("grid", "duplicates"):  # binary fractions, so that ties are exact
        scale = 2.0 ** np.round(np.log2(scale))
        value, margin = rng.integers(-3, 4, (n, m)) * scale, rng.integers(1, 4, (n, m)) * 2.0**-8
    else:
        value, margin = rng.normal(size=(n, m)) * scale, 10.0 ** rng.uniform(-4, 0, (n, m))
    if kind == "duplicates":
        rows, columns = rng.integers(0, n, n), rng.integers(0, m, m)
        value, margin = value[rows][:, columns], margin[rows][:, columns]
    if kind == "zero margins":
        margin = np.where(rng.random((n, m)) < 0.5, 0.0, margin)
    if kind == "mixed margins":
        margin = margin * rng.choice([-1, 0, 1], (n, m))
    if kind == "negative margins":
        margin = margin * np.where(rng.random(n) < 0.7, -1, 1)[:, None]
    outside = rng.choice([0.0, rng.normal() * scale])
    return market_of(value, margin, beta, outside)


def ladder(steps, levels=2, beta=1000.0):
    """Two providers per step who climb only together: exactly `steps (levels - 1) + 1` equilibria, without ties."""
    weight = 0.01 * np.arange(1, levels + 1)
    before = 2.0 * np.arange(steps)[:, None] + 0.5  # this many others have climbed when both providers of a step do
    others = 1 + (2 * steps - 1) * weight[:-1] + before * np.diff(weight)  # what all of these weigh
    falls = (others / weight[1:] + 1) / (others / weight[:-1] + 1)  # of the margin, so that the climb just pays
    margin = 1e-3 * np.cumprod(np.concatenate([np.ones((steps, 1)), falls], axis=1), axis=1)
    return market_of(np.tile(np.log(weight) / beta, (2 * steps, 1)), margin.repeat(2, axis=0), beta)


def crowd():
    """Twelve identical providers who lose on every sale and avoid each other: any five at the high level."""
    return market_of(np.tile(np.log([0.1, 0.4375]), (12, 1)), np.tile([-1.0, -0.25], (12, 1)))


def without_equilibrium():
    """Four providers, one of whom earns on its sales and three lose: no profile is stable."""
    value = [[4.535, -6.224, -13.664], [-5.612, 8.297, 1.914], [-2.333, -12.951, 5.045], [0.943, 16.104, -6.276]]
    margin = [[-0.16765, -0.18596, -0.00015], [-0.00389, -0.35818, -0.00021]]
    margin += [[-0.00021, -0.06105, -0.46848], [0.00034, 0.00087, 0.18127]]
    return market_of(value, margin, outside_value=-10.0)


class BruteForce:
    """Every profile of a market in extended precision, each shifted by its own largest exponent."""

    def __init__(self, market):
        n, m = market.num_providers, market.num_levels
        self.shape = (m,) * n
        self.profiles = np.array(list(itertools.product(range(m), repeat=n)))
        self.value = market.user_value.astype(np.longdouble)[np.arange(n), self.profiles]
        self.margin = market.margin.astype(np.longdouble)[np.arange(n), self.profiles]
        self.contribution = market.welfare_contribution.astype(np.longdouble)[np.arange(n), self.profiles]
        self.outside = np.longdouble(market.outside_value)
        self.logits = np.longdouble(market.beta) * np.concatenate(
            [self.value, np.full((len(self.profiles), 1), self.outside)], axis=1
        )

    def log_shares(self):
        top = self.logits.max(axis=1, keepdims=True)
        return self.logits - top - np.log(np.exp(self.logits - top).sum(axis=1, keepdims=True))

    def objective(self, table, outside=0.0):
        """`sum_i share_i x_i + share_0 x_0` at every profile."""
        shares = np.exp(self.log_shares())
        return (shares[:, :-1] * table).sum(axis=1) + shares[:, -1] * outside

    def welfare(self):
        return self.objective(self.contribution, self.outside)

    def joint_profit(self):
        return self.objective(self.margin)

    def regrets(self):
        """Largest fraction of its utility that a deviation would gain some provider, as a logarithm; `(profiles,)`."""
        sign, regret = np.sign(self.margin), np.zeros(len(self.profiles))
        score = sign * (self.log_shares()[:, :-1] + np.log(np.abs(np.where(sign == 0, 1, self.margin))))
        for i in range(self.profiles.shape[1]):
            signs, scores = sign[:, i].reshape(self.shape), score[:, i].reshape(self.shape)
            best = signs.max(axis=i, keepdims=True)
            top = np.where(signs == best, scores, -np.inf).max(axis=i, keepdims=True)
            gap = np.where(signs == best, top - scores, np.inf)
            regret = np.maximum(regret, gap.reshape(-1))
        return regret

    def equilibria(self):
        """The profiles from which no deviation gains more than a tie."""
        return self.profiles[self.regrets() <= 1e-12]

    def is_decided(self):
        """Whether no regret is so close to the tolerance that rounding of doubles could turn it."""
        regret = self.regrets()
        return not np.any((regret > 1e-13) & (regret < 1e-12 + 1e-13 * np.abs(self.logits).max()))
