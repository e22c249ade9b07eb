"""What a run says in the terminal: live progress, and tables against the analytic values."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from ttc_env import Market
from ttc_env.names import short_names
from ttc_env.scripting.console import console, progress_bar, say

if TYPE_CHECKING:
    from train.board import Board

OPTIMISTIC = {f"{benchmark}/reasoning_effort" for benchmark in ("gsm8k", "gpqa", "aime")}


class Live:
    """The progress bar of a run: `tick` takes the agent steps done, `show` the latest figures too."""

    def __init__(self, progress: Progress, total: int, title: str) -> None:
        self.progress, self.total = progress, total
        self.task = progress.add_task(title, total=total, gap="-", welfare="-", speed="")

    def tick(self, steps: int) -> None:
        """So many agent steps are done."""
        speed = steps / max(self.progress.tasks[0].elapsed or 0.0, 1e-9)
        self.progress.update(self.task, completed=min(steps, self.total), speed=f"{speed / 1000:.0f}k steps/s")

    def show(self, steps: int, figures: dict[str, Any]) -> None:
        """These are the figures after so many agent steps."""
        optimum = figures.get("welfare_optimum")
        welfare = f"{ratio(figures['welfare'], optimum):.1%}" if optimum else "-"
        self.progress.update(self.task, gap=f"{figures['relative_nash_conv']:.2%}", welfare=welfare)
        self.tick(steps)


@contextmanager
def live_progress(total: int, title: str) -> Iterator[Live]:
    """A progress bar for a run of `total` agent steps."""
    last = "NashConv {task.fields[gap]}, welfare {task.fields[welfare]}, {task.fields[speed]}"
    with progress_bar(last, counted=False) as progress:
        yield Live(progress, total, title)


@contextmanager
def seeds_progress(total: int, seeds: int, title: str, board: Board) -> Iterator[None]:
    """A progress bar over several seeds of `total` agent steps each, read from their board while they are trained."""
    with progress_bar("{task.fields[speed]}", counted=False) as progress:
        task = progress.add_task(title, total=total * seeds, speed="")
        ended = Event()

        def look() -> None:
            steps = board.steps
            speed = steps / max(progress.tasks[0].elapsed or 0.0, 1e-9)
            progress.update(task, completed=min(steps, total * seeds), speed=f"{speed / 1000:.0f}k steps/s")

        def watch() -> None:
            while not ended.wait(0.5):
                look()

        watcher = Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()
            look()


def print_provider_table(market: Market, summary: dict[str, Any]) -> None:
    """A line per provider: what it learned, beside what it does in the equilibrium where one is known."""
    known = "nash_levels" in summary
    title = "Learned and equilibrium" if known else "Learned"
    table = Table(title=f"{title} (profit: USD per 1,000 queries)")
    table.add_column("provider", no_wrap=True)
    for column in ("level", "share", "profit"):
        for name in (column, "Nash") if known else (column,):
            table.add_column(name, justify="right", no_wrap=True)
    whose = ("", "nash_") if known else ("",)
    for i, provider in enumerate(short_names(market.providers)):
        levels = [summary[f"{who}levels"][i] for who in whose]
        table.add_row(
            provider,
            *(Text(f"{market.levels[k]:g}", style="" if k == levels[0] else "bold red") for k in levels),
            *(f"{summary[f'{who}shares'][i]:.1%}" for who in whose),
            *(f"{1000 * summary[f'{who}profits'][i]:.4f}" for who in whose),
        )
    console.print(table)


def print_summary(market: Market, summary: dict[str, Any], seconds: float) -> None:
    """The figures of the market, learned and analytic; USD per 1,000 queries."""
    names = dict(zip(market.providers, short_names(market.providers), strict=True))
    table = Table(title=f"{summary['market']}, {summary['mechanism']}, beta {summary['beta']:g}")
    table.add_column("USD per 1,000 queries")
    for column in ("learned", "analytic"):
        table.add_column(column, justify="right")

    def row(title: str, learned: str, analytic: str = "") -> None:
        table.add_row(title, learned, analytic)

    def usd(key: str) -> str:
        return f"{1000 * summary[key]:.4f}" if key in summary else ""

    least = ", at least" if "nash_conv_bound" in summary else ""
    row(f"NashConv{least}", usd("nash_conv"), "0")
    row(f"NashConv / total profit{least}", f"{summary['relative_nash_conv']:.3%}", "0")
    row("welfare", usd("welfare"), usd("nash_welfare"))
    if (optimum := summary.get("welfare_optimum")) is not None:
        shown = [f"{ratio(summary[key], optimum):.2%}" for key in ("welfare", "nash_welfare") if key in summary]
        row("welfare / optimum", *shown)
    row("user value", usd("user_value"), usd("nash_user_value"))
    row("paid by users", usd("payment"), usd("nash_payment") or usd("analytic_payment"))
    row("provider profit", usd("provider_profit"), usd("nash_provider_profit"))
    if "price_of_anarchy" in summary:
        row("price of anarchy", "", f"{summary['price_of_anarchy']:.4f}")
        row("pure equilibria", "", f"{summary['num_equilibria']}")
    if "winner" in summary:
        row("winner", *(names.get(summary[key], "nobody") for key in ("winner", "analytic_winner")))
        row("efficient provider wins", f"{summary['winner_efficiency']:.1%}", "100.0%")
    if "truthfulness_gap" in summary:
        row("truthfulness gap", usd("truthfulness_gap"), "0")
    row("at an equilibrium", "not known" if least else "yes" if summary["at_equilibrium"] else "no", "")
    row("agent steps, seconds", f"{summary['agent_steps']:,}", f"{seconds:.1f} s")
    console.print(table)
    if summary["market"] in OPTIMISTIC:
        say(("These curves leave out answers cut off at the token limit and are optimistic.", "dim"))


def print_play(market: Market, play: dict[str, Any]) -> None:
    """What a player that answers in words did and what it took; money of the market in USD per 1,000 queries."""
    table = Table(title="Answers")
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row("wanted / asked for", f"{play['answers']:,} / {play['asked']:,}")
    table.add_row("invalid", f"{play['invalid']:,} ({play['invalid_share']:.1%})")
    table.add_row("last action repeated", f"{play['fallbacks']:,} ({play['fallback_share']:.1%})")
    faults = ", ".join(f"{name} {count}" for name, count in play["faults"].items())
    table.add_row("HTTP requests", f"{play['requests']:,}" + (f" ({faults})" if faults else ""))
    table.add_row("tokens in, out", f"{play['prompt_tokens']:,}, {play['completion_tokens']:,}")
    table.add_row("cost", "no prices given" if play["cost_usd"] is None else f"{play['cost_usd']:.4f} USD")
    names = short_names(market.providers)
    for k, seat in enumerate(play["seats"]):
        if play["regret"] is not None:
            table.add_row(f"regret of {names[seat]}", f"{1000 * play['regret'][k]:.4f}")
        if k < len(play["responsiveness"]) and play["responsiveness"][k]["rivals"] is not None:
            fit = play["responsiveness"][k]
            table.add_row(
                f"{names[seat]}: {play['offer']} on rivals'", f"{fit['rivals']:.3f} ± {fit['rivals_error']:.3f}"
            )
    clean = play.get("without_fallbacks", {})
    if "relative_nash_conv" in clean and play["fallbacks"]:
        table.add_row("NashConv / total profit without them", _percent(clean["relative_nash_conv"]))
    console.print(table)


def print_forecast(found: Any) -> None:
    """What a player would ask: the last prompt, the schema of its answer, and how much of it there is."""
    for message in found.messages:
        say((f"[{message['role']}]", "bold"))
        console.print(message["content"], soft_wrap=True)
    say(("[schema of the answer]", "bold"))
    console.print(json.dumps(found.schema), soft_wrap=True)
    say(
        f"{found.questions:,} answers wanted, each asked for at most {found.tries} times; prompts of "
        f"{found.characters:,} characters in all if every answer is right at once; at most {found.max_tokens:,} tokens "
        "an answer"
    )
    if found.cost is not None:
        say(f"cost: about {found.cost[0]:.4f} USD for the prompts, at most about {found.cost[1]:.4f} USD in all")


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.3%}"


AUCTIONS = {"winner_efficiency": ("efficient", "{:.1%}", 1), "truthfulness_gap": ("gap", "{:.4f}", 1000)}


def print_seed_table(runs: list[dict[str, Any]], seconds: list[float]) -> dict[str, Any]:
    """A line per seed and their mean, USD per 1,000 queries; returns the summary over seeds."""
    columns = {
        "relative_nash_conv": ("NashConv" if "nash_conv_bound" not in runs[0] else "gain >=", "{:.3%}", 1),
        "welfare": ("welfare", "{:.4f}", 1000),
        "user_value": ("user", "{:.4f}", 1000),
    }
    for key, column in AUCTIONS.items():
        if key in runs[0]:
            columns[key] = column
    table = Table(title=f"{runs[0]['market']}, {runs[0]['mechanism']}, beta {runs[0]['beta']:g}")
    for title in ("seed", "Nash", *(title for title, _, _ in columns.values()), "s"):
        table.add_column(title, justify="right", no_wrap=True)

    def row(seed: str, reached: str, figures: dict[str, float], took: float) -> None:
        cells = (style.format(factor * figures[key]) for key, (_, style, factor) in columns.items())
        table.add_row(seed, reached, *cells, f"{took:.1f}")

    for run, took in zip(runs, seconds, strict=True):
        row(str(run["seed"]), "yes" if run["at_equilibrium"] else "no", run, took)
    means = {key: statistics.fmean(run[key] for run in runs) for key in columns}
    reached = sum(run["at_equilibrium"] for run in runs)
    table.add_section()
    row("mean", f"{reached}/{len(runs)}", means, statistics.fmean(seconds))
    console.print(table)
    return {
        **{key: runs[0][key] for key in ("market", "mechanism", "beta", "algorithm")},
        "seeds": [run["seed"] for run in runs],
        "interrupted": any(run["interrupted"] for run in runs),
        "at_equilibrium": reached,
        "below_one_percent": sum(run["relative_nash_conv"] < 0.01 for run in runs),
        **{f"mean_{key}": mean for key, mean in means.items()},
        "runs": runs,
    }


def ratio(value: float, whole: float) -> float:
    """`value / whole`, or NaN where there is nothing to compare with."""
    return value / whole if whole else float("nan")
