"""Do they collude? What the literature on algorithmic collusion measures, exact, for any finite game."""

from ttc_env.collusion.audit import Audit, audit, estimates
from ttc_env.collusion.decisions import Decision, Stability, discounted, solve_decision, stability
from ttc_env.collusion.deviations import KINDS, NONE, Responses, deviating_action, impulse_responses
from ttc_env.collusion.discount import CriticalDiscount, critical_discount, grim_trigger
from ttc_env.collusion.meta import cross_play, meta_game, mixed_equilibria, regret_of_choices
from ttc_env.collusion.payoffs import (
    Benchmarks,
    PayoffTable,
    game_benchmarks,
    payoff_table,
    price_actions,
    stage_benchmarks,
)
from ttc_env.collusion.regulator import Regulated, cap, log_only, regulate, revise, veto
from ttc_env.collusion.strategies import Strategies, next_state, num_states

__all__ = [
    "KINDS",
    "NONE",
    "Audit",
    "Benchmarks",
    "CriticalDiscount",
    "Decision",
    "PayoffTable",
    "Regulated",
    "Responses",
    "Stability",
    "Strategies",
    "audit",
    "cap",
    "critical_discount",
    "cross_play",
    "deviating_action",
    "discounted",
    "estimates",
    "game_benchmarks",
    "grim_trigger",
    "impulse_responses",
    "log_only",
    "meta_game",
    "mixed_equilibria",
    "next_state",
    "num_states",
    "payoff_table",
    "price_actions",
    "regret_of_choices",
    "regulate",
    "revise",
    "solve_decision",
    "stability",
    "stage_benchmarks",
    "veto",
]
