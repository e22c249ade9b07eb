"""The printed tables of arXiv:2601.21839, reproduced through the public API."""

import csv
from pathlib import Path

import pytest

import ttc_env
from ttc_env import equilibrium
from ttc_env.arrays import at

PRINTED_TO = 1e-5  # USD
with open(Path(__file__).parent / "data" / "paper_tables.csv", newline="") as file:
    ROWS = [tuple(row.values()) for row in csv.DictReader(file)]


def per_token(name: str, beta: float) -> dict[str, float]:
    market = ttc_env.load_market(name, beta=beta)
    (profile,) = equilibrium.pure_nash(market)
    shares, price, value = market.shares(profile), at(market.price, profile), at(market.user_value, profile)
    return {
        "user_value": shares @ value,
        "mean_value": value.mean(),
        "welfare_optimum": equilibrium.welfare_optimum(market).value,
        "welfare": market.welfare(profile),
        "price": shares @ price,
        "mean_price": price.mean(),
        "provider_profit": market.utility(profile).sum(),
        "mean_margin": at(market.margin, profile).mean(),
    }


def second_price(name: str) -> dict[str, float | str]:
    market = ttc_env.load_market(name)
    outcome = equilibrium.second_price_outcome(market)
    return {
        "winner": market.providers[outcome.winner],
        "runner_up": market.providers[outcome.runner_up],
        "runner_up_welfare": market.welfare_contribution[outcome.runner_up].max(),
        "welfare": outcome.welfare,
        "user_value": outcome.user_value,
        "price": outcome.payment,
        "provider_profit": outcome.provider_profit,
    }


@pytest.mark.parametrize(("benchmark", "method", "mechanism", "beta", "quantity", "printed"), ROWS)
def test_printed_number(benchmark, method, mechanism, beta, quantity, printed):
    name = f"{benchmark}/{method}"
    ours = (per_token(name, float(beta)) if mechanism == "per_token" else second_price(name))[quantity]
    if isinstance(ours, str):
        assert ours == printed
    else:
        assert ours == pytest.approx(float(printed), abs=PRINTED_TO)


def test_the_tables_cover_gsm8k_and_gpqa():
    printed = {f"{benchmark}/{method}" for benchmark, method, *_ in ROWS}
    assert printed == {name for name in ttc_env.list_markets() if not name.startswith(("aime", "nano"))}
