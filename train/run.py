"""Train all providers of a market and hold what they learn against the exact equilibrium.

    python train/run.py                                                   # per-token pricing, nine providers
    python train/run.py --mechanism second_price --market gpqa/best_of_n  # the auction
    python train/run.py --market own.csv --market.answer-value 0.01       # a table of your own
    python train/run.py --num-seeds 10                                    # ten runs and their summary
    python train/run.py --algorithm hedge --help                          # a learner and its hyper-parameters
    python train/run.py --learners 0 3 --opponents best_response          # two learn, the others are scripted
    python train/run.py --learners 0 --opponents runs/NAME                # against what a run has learnt: train/play.py
    python train/run.py --dynamics loyalty --dynamics.cost 0.004          # users who stay with their provider
    python train/run.py --algorithm language --config.model NAME --dry-run  # what a language model would be asked
    python train/run.py --resume runs/NAME                                # go on with a run that was stopped or killed

Writes `runs/<name>/`: report.html, config.json, metrics.csv, TensorBoard events, summary.json, checkpoints and figures.
Ctrl-C or SIGTERM stops training and reports what was learnt so far; however a run ended, --resume goes on with it.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout before any installed `agents`
sys.path.append(os.getcwd())  # learners of your own


from agents import find_class
from agents.training import NotFinite
from train.arguments import Args, arguments_of, read_arguments
from train.folders import finished, held, new_folder, old_folder
from ttc_env.batch import one_market
from ttc_env.scripting.console import errors_in_one_line, say

# the rest is loaded in functions, as no help and no wrong argument should wait for it


def main(args: Args, resume: Path | None = None) -> dict[str, Any]:
    """Train with every seed; returns the summary that is written, of the single run or over the seeds.

    Args:
        args: of the run.
        resume: its folder, to go on from its last checkpoints; what is finished there is not done again.
    """
    env = args.judging_env()  # raises on bad arguments before anything is written
    market: Any = one_market(env.market)
    if args.dry_run:
        return dry_run(args)
    config = args.to_dict(market)
    from train.console_tables import live_progress, print_play, print_provider_table, print_seed_table, print_summary
    from train.record import RunFolder
    from train.seeds import train_runs, train_seeds
    from ttc_env.scripting.threads import use_threads

    use_threads(args.threads)  # loads torch, which takes seconds
    place = old_folder(resume) if resume else new_folder(args.out, args.name or args.default_name(), args.overwrite)
    with place as folder, ExitStack() as ending:
        top = ending.enter_context(RunFolder(folder, None if resume else config))
        top.keep_market(market)
        ending.callback(os.close, held(folder))
        summary: dict[str, Any] | None
        if args.num_seeds == 1:
            started = time.perf_counter()
            summary = finished(folder)
            if summary is None:
                with live_progress(args.steps, f"{args.algorithm} seed {args.seed}") as live:
                    (summary,) = train_runs(args, env, [args.seed], [top], live.show, live.tick)
            _say_if_stopped(summary)
            print_provider_table(market, summary)
            print_summary(market, summary, time.perf_counter() - started)
            if "play" in summary:
                print_play(market, summary["play"])
        else:
            ended = train_seeds(args, env, folder, config)
            summary = print_seed_table([one.summary for one in ended], [one.seconds for one in ended])
            _say_if_stopped(summary)
            top.write_json("summary.json", summary)
        from train.reporting.kinds import write_report

        report = write_report([folder])
    say("\nwritten to ", (folder, "bold"), "; to look at it, open ", (report, "bold"))
    return summary


def _say_if_stopped(summary: dict[str, Any]) -> None:
    if summary["interrupted"]:
        say(("stopped; reporting what was learnt so far", "yellow"))


def dry_run(args: Args) -> dict[str, Any]:
    """Say what a player would ask a server, and ask nothing.

    Raises:
        ValueError: a learner that asks nothing.
    """
    if not hasattr(find_class(args.algorithm), "forecast"):
        raise ValueError(f"dry-run is for players who ask a server, such as language; {args.algorithm} asks nothing")
    from train.console_tables import print_forecast

    learner: Any = args.make_learner([args.seed])
    found = learner.forecast(args.steps).times(args.num_seeds)
    print_forecast(found)
    return found._asdict()


def command_line(words: list[str]) -> int:
    """Run the script with these arguments; returns its exit status, or leaves as the parser does."""
    with errors_in_one_line(NotFinite):
        if "--resume" in words:
            if len(words) != 2 or words[0] != "--resume":
                raise ValueError("--resume takes the folder of a run and no other arguments: those of the run are used")
            main(arguments_of(Path(words[1])), Path(words[1]))
        else:
            main(read_arguments(words, str(__doc__)))
    return 0


if __name__ == "__main__":
    raise SystemExit(command_line(sys.argv[1:]))
