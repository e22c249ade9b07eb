"""Measured quality curves, and the markets they make.

A table is a CSV file with one row per benchmark, method, model and compute level. The package ships two (see
`ttc_env/data/README.md`); `load_market(path)` reads a table of your own. Beside a table that `curves/build.py` made
stands an `.npz` file of the same name: joint bootstrap draws, and outcomes question by question.
"""

from ttc_env.curves.beside import load_draws, load_outcomes
from ttc_env.curves.loading import load_market
from ttc_env.curves.measured import ANSWER_VALUE, BASELINE, COSTS, MARKUP, Curves
from ttc_env.curves.reading import AMOUNTS, COLUMNS, TARIFF, read_curves
from ttc_env.curves.shipped import MIXED, TABLES, list_markets, list_mixtures, load_curves
from ttc_env.curves.surcharges import Surcharge

__all__ = [
    "AMOUNTS",
    "ANSWER_VALUE",
    "BASELINE",
    "COLUMNS",
    "COSTS",
    "MARKUP",
    "MIXED",
    "TABLES",
    "TARIFF",
    "Curves",
    "Surcharge",
    "list_markets",
    "list_mixtures",
    "load_curves",
    "load_draws",
    "load_market",
    "load_outcomes",
    "read_curves",
]
