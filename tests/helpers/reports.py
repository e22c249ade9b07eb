"""Folders of runs for reports, as run.py leaves them, made in milliseconds from a market that is solved here."""

import json

import numpy as np

import ttc_env
from train.record import market_tables
from ttc_env import equilibrium

HOSTILE = ["<script>alert(1)", '"><img src=x onerror=alert(2)>', "{{ 7 * 7 }}", "模型/千问"]


def market():
    """Four providers with names that a page must not obey."""
    quality = [[2e-3, 3e-3, 4e-3], [1e-3, 2e-3, 3.5e-3], [2e-3, 2.5e-3, 2.6e-3], [1e-3, 3e-3, 5e-3]]
    price = [[1e-4, 2e-4, 4e-4], [2e-4, 4e-4, 8e-4], [1e-4, 3e-4, 9e-4], [5e-4, 1e-3, 2e-3]]
    return ttc_env.Market(HOSTILE, [1, 4, 16], quality, price, np.array(price) / 1.25, beta=1000.0)


def write_run(folder, seeds):
    """The files of a finished run of run.py with so many seeds; returns the folder."""
    folder.mkdir(parents=True)
    config = {"market": "my <b>market</b>", "beta": 1000.0, "num_seeds": seeds, "learners": [], "carried": None}
    config |= {"config": {"hidden": [64, 64]}, "providers": HOSTILE, "level_grid": [1, 4, 16]}
    for seed in range(seeds):
        path = folder if seeds == 1 else folder / f"seed{seed}"
        path.mkdir(exist_ok=True)
        _write(path / "config.json", config | {"seed": seed})
        _write_member(path, seed)
    _write(folder / "config.json", config)
    _write(folder / "market.json", market_tables(market()))
    return folder


def _write_member(path, seed):
    played = np.random.default_rng(seed).integers(0, 3, (3, 4))
    rows = []
    for steps, profile in zip((0, 100, 200), played, strict=True):
        figures = _figures(profile)
        course = {key: figures[key] for key in ("relative_nash_conv", "welfare", "user_value", "provider_profit")}
        rows.append({"agent_steps": steps} | course | {"levels": " ".join(map(str, profile))})
    rows[0]["relative_nash_conv"] = float("inf")  # as where nobody earns
    lines = [",".join(rows[0])] + [",".join(map(str, row.values())) for row in rows]
    (path / "metrics.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    nash = equilibrium.pure_nash(market())[0]
    optimum = float(equilibrium.welfare_optimum(market())[1])
    summary = {"market": "my <b>market</b>", "mechanism": "per_token", "dynamics": "none", "beta": 1000.0}
    summary |= {"algorithm": "ppo", "seed": seed, "agent_steps": 200, "interrupted": False, "demand": "expected"}
    summary |= _figures(played[-1]) | {f"nash_{key}": value for key, value in _figures(nash).items()}
    summary |= {
        "welfare_optimum": optimum,
        "price_of_anarchy": optimum / _figures(nash)["welfare"],
        "num_equilibria": 1,
    }
    _write(path / "summary.json", summary)


def _figures(profile):
    made, gap = market(), equilibrium.nash_conv(market(), profile)
    shares, profits = made.shares(profile), made.utility(profile)
    return {
        "levels": [int(k) for k in profile],
        "nash_conv": float(gap.total),
        "relative_nash_conv": float(gap.total / profits.sum()),
        "at_equilibrium": bool(gap.total == 0),
        "welfare": float(made.welfare(profile)),
        "user_value": float(made.welfare(profile) - profits.sum()),
        "provider_profit": float(profits.sum()),
        "payment": 5 * float(profits.sum()),
        "shares": shares.tolist(),
        "profits": profits.tolist(),
    }


def _write(path, content):
    path.write_text(json.dumps(content), encoding="utf-8")
