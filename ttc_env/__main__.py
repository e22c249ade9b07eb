"""What there is, and what is known of a market: `python -m ttc_env --help`."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import Any

import numpy as np

from ttc_env import equilibrium
from ttc_env.curves import COSTS, list_markets, load_curves, load_market, read_curves
from ttc_env.curves.beside import recorded_curves
from ttc_env.curves.shipped import is_path
from ttc_env.equilibrium import StageGame, price_of_anarchy, second_price_outcome
from ttc_env.market import Market
from ttc_env.mechanisms import MECHANISMS
from ttc_env.names import printable
from ttc_env.registration import ENVIRONMENTS

OPTIONS = ("beta", "answer_value", "markup", "costs", "outside_value")
TAILS = (0.025, 0.975)
DRAWS = 200
"""draws of which equilibria are solved: more take longer than they tell"""


def catalogue() -> str:
    """The environments, mechanisms and markets by name."""
    rows = []
    for gymnasium_id, (_, module) in ENVIRONMENTS.items():
        what = (importlib.import_module(f"ttc_env.{module}").__doc__ or "").split(".")[0]
        rows.append(f"  {gymnasium_id:20} ttc_env.{module:18} {what}")
    markets = "\n".join(f"  {name}" for name in list_markets())
    return "\n".join(
        ["environments (Gymnasium, PettingZoo)", *rows, f"mechanisms: {', '.join(MECHANISMS)}", "markets", markets]
    )


def episode(gymnasium_id: str, periods: int, seed: int) -> str:
    """Random play of all providers; the last period as a table, and what the users and providers had of the whole."""
    module = importlib.import_module(f"ttc_env.{ENVIRONMENTS[gymnasium_id][1]}")
    env = module.parallel_env(max_cycles=periods, render_mode="ansi")
    env.reset(seed=seed)
    profit = user_value = 0.0
    while env.agents:
        _, _, _, _, infos = env.step({agent: env.action_space(agent).sample() for agent in env.agents})
        profit += sum(info["utility"] for info in infos.values())
        user_value += next(iter(infos.values()))["user_value"]
    means = f"means of {periods} periods of random play: users {1000 * user_value / periods:.4f}, "
    return f"{env.render()}\n{means}providers {1000 * profit / periods:.4f}"


def outcome(market: Market) -> str:
    """What is known exactly of a market under per-token pricing and in the second-price auction, as a text."""
    game, names = StageGame(market), [printable(name, keep="") for name in market.providers]
    profile = game.equilibrium()
    cleared, auction = game.outcome(profile), second_price_outcome(market)
    width = max(map(len, names))
    lines = [
        f"{market.num_providers} providers, {market.num_levels} levels, beta {market.beta:g}; USD per 1,000 queries",
        f"{'per-token equilibrium':{width}}  level   share    price     cost   profit",
    ]
    for i, (name, level) in enumerate(zip(names, profile, strict=True)):
        price, cost, profit = (
            1000 * float(x) for x in (market.price[i, level], market.cost[i, level], cleared.utility[i])
        )
        share = float(cleared.shares[i])
        lines.append(f"{name:{width}} {market.levels[level]:6g} {share:7.1%} {price:8.4f} {cost:8.4f} {profit:8.4f}")
    optimum, anarchy = game.welfare_optimum().value, price_of_anarchy(market)
    lines.append(
        f"welfare {1000 * float(cleared.welfare):.4f} of at most {1000 * optimum:.4f}, price of anarchy {anarchy:.4f}, "
        f"user value {1000 * float(cleared.user_value):.4f}, profits {1000 * float(np.sum(cleared.utility)):.4f}"
    )
    winner = "nobody" if auction.winner is None else names[auction.winner]
    lines.append(
        f"second-price auction: {winner} wins, is paid {1000 * auction.payment:.4f} and keeps "
        f"{1000 * auction.provider_profit:.4f}; user value {1000 * auction.user_value:.4f}, "
        f"welfare {1000 * auction.welfare:.4f}"
    )
    return "\n".join(lines)


def curves(source: str, name: str | None, options: dict[str, Any]) -> str:
    """The curves of a table, with their intervals and that of the price of anarchy where draws stand beside it."""
    table, interval = load_curves(source, name=name), None
    try:
        drawn = recorded_curves(source, "draws", name=name)
    except ValueError as none:
        note = f"no intervals: {none}"
    else:
        interval = np.quantile([one.accuracy for one in drawn], TAILS, axis=0)
        markets = [one.market(**options) for one in drawn[:DRAWS]]
        low, _, high = equilibrium.interval(price_of_anarchy, markets)
        note = (
            f"intervals of 95 % over questions, from draws beside the table; price of anarchy {low:.4f} to {high:.4f}"
        )
        note += f" ({len(markets)} of {len(drawn)} draws)" if len(markets) < len(drawn) else f" ({len(drawn)} draws)"
    names = [printable(provider, keep="") for provider in table.providers]
    width = max(map(len, [*names, table.name]))
    lines = [f"{table.name:{width}}  level accuracy          interval     tokens  USD per 1,000 queries"]
    for i, provider in enumerate(names):
        for k, level in enumerate(table.levels):
            ends = "" if interval is None else f"{interval[0, i, k]:.4f} to {interval[1, i, k]:.4f}"
            amounts = (
                f"{table.accuracy[i, k]:8.4f}  {ends:>16} {table.tokens[i, k]:10.1f} {1000 * table.bill[i, k]:10.4f}"
            )
            lines.append(f"{provider:{width}} {level:6g} {amounts}")
    return "\n".join([*lines, note])


def command_line(words: list[str] | None = None) -> int:
    """Say what is asked for; errors are one line."""
    parser = argparse.ArgumentParser(prog="python -m ttc_env", description=__doc__.split(":")[0] + ".")
    parser.add_argument(
        "market", nargs="?", help="name of a market or path of a table: its exact outcome, and its curves"
    )
    parser.add_argument("--play", choices=list(ENVIRONMENTS), help="play an episode of this environment instead")
    parser.add_argument("--periods", type=int, default=10, help="of the episode")
    parser.add_argument("--seed", type=int, default=0, help="of the episode")
    parser.add_argument("--name", help="BENCHMARK/METHOD, in a table that holds several")
    parser.add_argument("--beta", type=float, default=1000.0, help="user rationality, 1/USD")
    parser.add_argument("--answer-value", type=float, help="USD a right answer is worth, where none is published")
    parser.add_argument("--markup", type=float, help="price / cost - 1; 0.25 where a table says no costs")
    parser.add_argument("--costs", choices=COSTS, help="what providers pay: by mark-up, or a column of the table")
    parser.add_argument("--outside-value", type=float, default=0.0, help="USD of not buying")
    args = parser.parse_args(words)
    if args.market and args.play:
        parser.error("a market or --play, not both")
    try:
        if args.play:
            print(episode(args.play, args.periods, args.seed))
        elif args.market:
            options = {name: getattr(args, name) for name in OPTIONS}
            for name in _tables(args.market, args.name):
                market = load_market(args.market, name=name, **options)
                if not isinstance(market, Market):
                    raise ValueError(f"{args.market} is a mixture of markets; name one of {', '.join(list_markets())}")
                print(f"{outcome(market)}\n\n{curves(args.market, name, options)}")
        else:
            print(catalogue())
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _tables(source: str, name: str | None) -> list[str | None]:
    """Which tables of a source are shown: the one that is named, else all."""
    return [name] if name is not None or not is_path(source) else list(read_curves(source))


if __name__ == "__main__":
    sys.exit(command_line())
