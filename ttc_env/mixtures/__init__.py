"""Queries that differ: mixtures of query types, measured or modelled.

>>> from ttc_env import Mixture, load_market
>>> mixture = Mixture([load_market("gsm8k/best_of_n"), load_market("aime/best_of_n")], weights=[3, 1])
>>> mixture.weights
array([0.75, 0.25])
>>> mixture.quality.shape  # types, providers, levels
(2, 9, 6)
"""

from ttc_env.mixtures.mixture import Mixture
from ttc_env.mixtures.quality_model import model_quality

__all__ = ["Mixture", "model_quality"]
