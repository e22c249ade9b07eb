"""The market: what every provider offers at every compute level, and how users choose.

Money is USD per query. A *profile* is an integer array ``(..., n)``: the level index chosen by each of the
``n`` providers; leading axes are batch. Everything here is pure and runs on NumPy and torch arrays alike.

Source: A. Artola Velasco et al., *Test-Time Compute Games*, arXiv:2601.21839, sections 2 and 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from array_api_compat import is_torch_array

from ttc_env.arrays import Array, at, convert, device, largest, namespace, only, own_table, precision, table_rows
from ttc_env.checks import finite, listed
from ttc_env.names import find_provider
from ttc_env.outcomes import Outcomes

_OFF = 1e-5  # of answer_value: what rounding may do to a quality in single precision, sums over questions included


class Tables:
    """What follows from quality, price and cost, and how users choose among the offers.

    Tables are `(n, m)`, or `(B, n, m)` for `B` markets; `beta` and `outside_value` are then `(B, 1)`, and a profile is
    `(..., B, n)`.
    """

    quality: Array
    price: Array
    cost: Array
    beta: Any
    outside_value: Any
    present: Any
    accuracy: Any
    extra = None
    """part of `quality` that comes with the provider, whatever its answer, `(..., n)`; see `ttc_env.period`"""

    @cached_property
    def user_value(self) -> Array:
        """What an answer leaves the user, `V = q - p`, USD."""
        return self.quality - self.price

    @cached_property
    def margin(self) -> Array:
        """What a sold query leaves the provider, `p - c`, USD."""
        return self.price - self.cost

    @cached_property
    def welfare_contribution(self) -> Array:
        """What a sold query adds to welfare, `W = q - c`, USD."""
        return self.quality - self.cost

    @cached_property
    def rows(self) -> Array:
        """Where each provider's row begins in a flattened table, `(n,)` or `(B, n)`."""
        return table_rows(self.quality)

    def chance_right(self, level: Array) -> Array:
        """Probability that an answer at these levels is right, `(..., n)`."""
        return at(self.accuracy, level)

    def shares(self, profile: Array) -> Array:
        """Fraction of users who buy from each provider under per-token pricing, `(..., n)`; the rest stay out."""
        return self._demand(self.check(profile))[0]

    def utility(self, profile: Array) -> Array:
        """Expected profit of each provider under per-token pricing, `share * (p - c)`, USD per query, `(..., n)`."""
        profile = self.check(profile)
        return self.shares(profile) * at(self.margin, profile)

    def welfare(self, profile: Array) -> Array:
        """Expected welfare under per-token pricing, `sum_i share_i W_i + share_0 v0`, USD per query, `(...)`."""
        profile = self.check(profile)
        shares, outside = self._demand(profile)
        served = namespace(shares).sum(shares * at(self.welfare_contribution, profile), axis=-1, keepdims=True)
        return (served + outside[..., None] * self.outside_value)[..., 0]

    def potential(self, profile: Array) -> Array:
        """Exact potential of the per-token game in log utilities, `Phi`, dimensionless, `(...)`.

        A unilateral move changes `Phi` and the mover's log utility by the same amount.

        Raises:
            ValueError: a chosen margin is not positive, so its logarithm does not exist.
        """
        profile = self.check(profile)
        margin, user_value = at(self.margin, profile), at(self.user_value, profile)
        xp = namespace(margin)
        if not bool(xp.all(margin > 0)):
            raise ValueError("the potential is defined for positive margins only, got a chosen price <= cost")
        return (
            xp.sum(xp.log(margin) + self.beta * user_value, axis=-1)
            - log_partition(user_value, self.beta, self.outside_value)
        )  # fmt: skip

    def check(self, profile: Array) -> Array:
        """The profile as an integer array of this market's backend.

        Raises:
            ValueError: not integers, last axis not `n` (last axes not `(B, n)` where the tables are `(B, n, m)`), or a
                level index outside `0..m-1`.
        """
        xp = namespace(self.quality)
        given = profile
        if is_torch_array(self.quality):
            profile = xp.asarray(profile, device=device(self.quality))
        else:
            profile = np.asarray(profile)
        if not xp.isdtype(profile.dtype, "integral"):
            raise ValueError(f"a profile holds integer level indices, got {given!r}")
        *providers, levels = self.quality.shape
        if list(profile.shape[-len(providers) :]) != providers:
            allowed = ", ".join(map(str, ("...", *providers)))
            raise ValueError(f"a profile has one level per provider, shape ({allowed}), got {given!r}")
        if not bool(xp.all((profile >= 0) & (profile < levels))):
            raise ValueError(f"level indices must be in 0..{levels - 1}, got {given!r}")
        return xp.astype(profile, xp.int64, copy=False)

    def _demand(self, profile: Array) -> tuple[Array, Array]:
        """Shares of the providers and of not buying at a checked profile."""
        return logit_shares(at(self.user_value, profile), self.beta, self.outside_value, self.present)


@dataclass(frozen=True, eq=False)
class Market(Tables):
    """Providers, their curves, and the users they compete for.

    Args:
        providers: `n` distinct names.
        levels: physical compute at each of the `m` levels (samples per query, or effort bin), increasing.
        quality: expected quality of an answer, USD, shape `(n, m)`.
        price: what the user is charged per query, USD, shape `(n, m)`.
        cost: what the query costs the provider, USD, shape `(n, m)`.
        beta: user rationality (inverse temperature), 1/USD; higher is more rational.
        outside_value: value of not buying, USD.
        answer_value: USD a correct answer is worth; the unit of observations and bids, and the top of the
            right/wrong lottery that sampled demand draws. By default the largest entry of `quality`.
        baseline: fraction of `answer_value` that a wrong answer is still worth.
        outcomes: recorded answers whose means the tables are; sampled demand replays them where they are given.
        tokens: generated per query, shape `(n, m)`; for what depends on how much a provider can do in a period.

    Raises:
        ValueError: shapes or libraries that disagree, values that are not finite or leave the range of their precision,
            repeated names, `beta` that is not positive, outcomes of another market.
    """

    providers: Sequence[str]
    levels: Sequence[float]
    quality: Array
    price: Array
    cost: Array
    beta: float
    outside_value: float = 0.0
    answer_value: float | None = None
    baseline: float = 0.0
    outcomes: Outcomes | None = None
    tokens: Array | None = None

    def __post_init__(self) -> None:
        force = object.__setattr__  # the dataclass is frozen; this is its constructor
        providers = (self.providers,) if isinstance(self.providers, str) else listed("providers", self.providers)
        force(self, "providers", providers)
        force(self, "levels", listed("levels", self.levels))
        if not providers or not all(isinstance(name, str) and name for name in providers):
            raise ValueError(f"providers must be non-empty strings, got {providers!r}")
        if len(set(providers)) != len(providers):
            raise ValueError(f"providers must be distinct, got {providers!r}")
        for level in self.levels:
            finite("a level", level)
        if not self.levels or any(low >= high for low, high in pairwise(self.levels)):
            raise ValueError(f"levels must be one or more increasing numbers, got {self.levels!r}")
        self._set_tables()
        if self.tokens is not None and not float(self.tokens.min()) >= 0:
            raise ValueError(f"tokens must be >= 0, got {self.tokens!r}")
        for name in ("beta", "outside_value", "baseline"):
            force(self, name, finite(name, getattr(self, name)))
        if self.beta <= 0:
            raise ValueError(f"beta must be positive and finite (1/USD), got {self.beta!r}")
        if not 0 <= self.baseline < 1:
            raise ValueError(f"baseline must be in [0, 1), got {self.baseline!r}")
        answer_value = self.answer_value
        if answer_value is None:
            top = float(self.quality.max())
            answer_value = top if top > 0 else 1.0
        force(self, "answer_value", finite("answer_value", answer_value))
        if self.unit <= 0:
            raise ValueError(f"answer_value must be positive (USD), got {self.answer_value!r}")
        check_range(self, precision(self.quality))
        if self.outcomes is not None:
            self._check_outcomes(self.outcomes)

    def _set_tables(self) -> None:
        """Tables of the market's own, of one library, device and precision."""
        shape, tables = (len(self.providers), len(self.levels)), dict[str, Array]()
        for name in ("quality", "price", "cost", *([] if self.tokens is None else ["tokens"])):
            given = getattr(self, name)
            tables[name] = table = own_table(name, given)
            if tuple(table.shape) != shape:
                raise ValueError(f"{name} must have shape (providers, levels) = {shape}, got {tuple(table.shape)}")
            if not bool(namespace(table).all(namespace(table).isfinite(table))):
                raise ValueError(f"{name} must be finite everywhere, got {given!r}")
        places = {name: f"{type(table).__name__} on {device(table)}" for name, table in tables.items()}
        if len(set(places.values())) > 1:
            raise ValueError(f"the tables of a market must be of one library and device, got {places}")
        xp = namespace(tables["quality"])
        precise = xp.result_type(*tables.values())
        for name, table in tables.items():
            table = xp.astype(table, precise, copy=False)
            if isinstance(table, np.ndarray):
                table.flags.writeable = False
            object.__setattr__(self, name, table)

    def _check_outcomes(self, outcomes: Outcomes) -> None:
        shape = tuple(outcomes.accuracy.shape)[:2]
        if shape != tuple(self.quality.shape):
            raise ValueError(f"outcomes must have shape (*{tuple(self.quality.shape)}, questions), got {shape}")
        accuracy = outcomes.accuracy.mean(-1)
        quality = self.unit * (self.baseline + (1 - self.baseline) * accuracy)
        off = float(abs(quality - self.quality).max()) / self.unit
        if not off < _OFF:
            raise ValueError(
                f"the accuracy of the market must be the mean of its outcomes, got qualities {off} of answer_value off"
            )

    @property
    def num_providers(self) -> int:
        """Number of providers, `n`."""
        return len(self.providers)

    @property
    def num_levels(self) -> int:
        """Number of compute levels, `m`."""
        return len(self.levels)

    @property
    def unit(self) -> float:
        """USD in one unit of observations, asks and claims: `answer_value`."""
        assert self.answer_value is not None
        return self.answer_value

    @property
    def present(self) -> None:
        """Which providers there are: all. A batch of markets of different sizes has a mask here."""
        return None

    @cached_property
    def curves(self) -> Array:
        """Quality, price and cost of each provider in units of `answer_value`, `(n, 3 m)`."""
        return namespace(self.quality).concat([self.quality, self.price, self.cost], axis=-1) / self.unit

    @cached_property
    def accuracy(self) -> Array:
        """Probability that an answer is right, `(q / alpha - b) / (1 - b)`, `(n, m)`; the lottery of sampled demand.

        Raises:
            ValueError: a quality outside `[baseline * answer_value, answer_value]`, but for the rounding of single
                precision, is the mean of no such lottery.
        """
        quality = self.quality / self.unit
        if not (self.baseline - _OFF <= float(quality.min()) and float(quality.max()) <= 1 + _OFF):
            raise ValueError(
                "sampled demand draws right and wrong answers, so quality must lie in [baseline, 1] * answer_value "
                f"= [{self.baseline * self.unit}, {self.unit}], got [{float(self.quality.min())}, "
                f"{float(self.quality.max())}]"
            )
        return namespace(quality).clip((quality - self.baseline) / (1 - self.baseline), 0.0, 1.0)

    def provider_index(self, provider: str | int) -> int:
        """Position of a provider given by index, by name, or by a part of the name that no other has.

        Raises:
            ValueError: no such provider, or several.
        """
        return find_provider(provider, self.providers)

    def select(self, providers: Sequence[str | int]) -> Market:
        """The market of some of the providers, in the order given; `answer_value` stays."""
        rows = [self.provider_index(provider) for provider in providers]
        return replace(
            self,
            providers=[self.providers[i] for i in rows],
            quality=self.quality[rows, :],
            price=self.price[rows, :],
            cost=self.cost[rows, :],
            tokens=None if self.tokens is None else self.tokens[rows, :],
            outcomes=None if self.outcomes is None else self.outcomes.select(rows),
        )

    def to(self, backend: str, *, device: Any = None, dtype: str = "float64") -> Market:
        """The same market with its tables in another array library.

        Args:
            backend: `"numpy"` or `"torch"`.
            device: torch device, for example `"cuda"`; NumPy knows only the CPU.
            dtype: `"float32"` or `"float64"`.
        """
        tables: dict[str, Any] = {
            name: convert(getattr(self, name), backend, device, dtype)
            for name in ("quality", "price", "cost", "tokens")
            if getattr(self, name) is not None
        }
        if self.outcomes is not None:
            tables["outcomes"] = self.outcomes.to(backend, device=device, dtype=dtype)
        return replace(self, **tables)


def check_range(market: Market, dtype: str) -> None:
    """Refuse a market whose logits, or values in units of `answer_value`, are beyond the range of a precision.

    Raises:
        ValueError: naming the numbers.
    """
    largest, least = float(np.finfo(dtype).max), float(np.finfo(dtype).smallest_normal)
    table = max(float(abs(table).max()) for table in (market.quality, market.price, market.cost))
    value = market.num_providers * (2 * table + abs(market.outside_value))  # no user value, margin or welfare is larger
    sizes = (market.beta, value, market.beta * value, 1 / max(market.unit, least), value / market.unit)
    if not (max(sizes) < largest / 4 and market.unit >= least):
        raise ValueError(
            f"beta * value and value / answer_value must stay in the range of {dtype}, got beta {market.beta}, tables "
            f"up to {table}, outside_value {market.outside_value}, answer_value {market.unit}"
        )


def log_partition(user_value: Array, beta: float, outside_value: float) -> Array:
    """`log(exp(beta v0) + sum_j exp(beta V_j))` without overflow, `(...)` for values `(..., n)`."""
    xp = namespace(user_value)
    top, weights, outside = _weights(user_value, beta, outside_value)
    return (top + xp.log(outside + weights.sum(axis=-1, keepdims=True)))[..., 0]


def logit_shares(
    user_value: Array, beta: float | Array, outside_value: float | Array, present: Array | None = None
) -> tuple[Array, Array]:
    """Logit demand: the shares of the providers, `(..., n)`, and of not buying, `(...)`. They sum to one.

    `beta` and `outside_value` are numbers or `(..., 1)`. Nobody buys from providers that are not `present`, a mask, or
    the probability with which a user sees the offer, where all sets of offers that can be seen weigh the same.
    """
    _, weights, outside = _weights(user_value, beta, outside_value, present)
    total = outside + weights.sum(axis=-1, keepdims=True)
    return weights / total, (outside / total)[..., 0]


def _weights(
    user_value: Array, beta: float | Array, outside_value: float | Array, present: Array | None = None
) -> tuple[Array, Array, Array]:
    """The largest logit of those present, `(..., 1)`, and the weights of providers and of not buying relative to it."""
    xp = namespace(user_value)
    logits, stay = beta * user_value, beta * outside_value
    if present is not None:
        seen = present if present.dtype == xp.bool else present > 0
        logits = only(seen, logits)
    top = xp.maximum(largest(logits), stay)
    weights = xp.exp(logits - top)
    return top, weights if present is None or seen is present else weights * present, xp.exp(stay - top)
