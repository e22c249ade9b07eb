"""A model of how quality differs between queries, for curves of which only means are published."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ttc_env.checks import finite, whole
from ttc_env.market import Market
from ttc_env.mixtures.beta_distribution import stratum_means
from ttc_env.mixtures.mixture import Mixture


def model_quality(market: Market, kappa: float, rho: float, num_types: int, seed: int) -> Mixture:
    """Query types of a *model*, not of a measurement, whose mean is the market.

    Over queries, the accuracy of provider `i` at level `k` has the distribution `Beta(a_ik kappa, (1 - a_ik) kappa)`.
    On one query the provider stands at the same rank `u_i` of this distribution at all levels: more compute still
    helps. A Gaussian copula ties the ranks of the providers: hard queries are hard for all.

    The ranks are stratified (a Latin hypercube): every provider meets each of `num_types` equally likely strata once,
    with the mean of the distribution within it as its accuracy. So the means over types are the market's, to rounding.

    Args:
        market: the means.
        kappa: how much queries are alike, positive: towards 0 a provider is right always or never, towards infinity all
            queries are the mean one.
        rho: correlation of the copula, 0 to 1.
        num_types: query types drawn, all equally likely.
        seed: of the ranks.

    Raises:
        ValueError: a number out of range, or qualities that are no means of right and wrong answers.
    """
    if not finite("kappa", kappa) > 0:
        raise ValueError(f"kappa must be positive, got {kappa!r}")
    if not 0 <= finite("rho", rho) <= 1:
        raise ValueError(f"rho must be in [0, 1], got {rho!r}")
    rng = np.random.default_rng(whole("seed", seed, least=0))
    shape = (whole("num_types", num_types), market.num_providers)
    latent = np.sqrt(rho) * rng.normal(size=(num_types, 1)) + np.sqrt(1 - rho) * rng.normal(size=shape)
    ranks = latent.argsort(axis=0).argsort(axis=0)
    means = np.clip(market.to("numpy").accuracy, 0.0, 1.0)
    strata = _in_order(means, _accuracies(means, kappa, num_types))
    accuracy = np.take_along_axis(strata, ranks[..., None], axis=0)
    quality = market.unit * (market.baseline + (1 - market.baseline) * accuracy)
    label = f"model: accuracies over queries Beta with kappa = {kappa:g}, Gaussian copula with rho = {rho:g}"
    return Mixture([replace(market.to("numpy"), quality=one, outcomes=None) for one in quality], label=label)


def _accuracies(means: np.ndarray, kappa: float, num_types: int) -> np.ndarray:
    """Mean accuracy in each stratum, `(T, n, m)`; a mean of 0 or 1 leaves no room to differ."""
    inside = (means > 0) & (means < 1)
    strata = np.tile(means, (num_types, 1, 1))
    strata[:, inside] = stratum_means(num_types, means[inside] * kappa, (1 - means[inside]) * kappa)
    return np.clip(strata, 0.0, 1.0)


def _in_order(means: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """The accuracies of each type in the order of the mean curve, which rounding alone could disturb."""
    place = means.argsort(axis=-1, kind="stable").argsort(axis=-1, kind="stable")
    return np.take_along_axis(np.sort(strata, axis=-1), place[None], axis=-1)
