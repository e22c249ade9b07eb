"""A mechanism of a user's own, in a file of its own: trained by the script, and judged by its own game alone."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.foreign import FlatFee
from tests.helpers.scripts import run_apart
from ttc_env import StageGame, VectorMarket, load_market, market_v0, register_mechanism
from ttc_env.evaluation import FrozenPlay, best_response_lower_bound
from ttc_env.mechanisms import MECHANISMS, Mechanism, PerToken, SecondPrice, make_mechanism
from ttc_env.metrics import evaluate, play

MARKET = load_market("gsm8k/reasoning_effort")
SOURCE = Path(__file__).parent / "helpers" / "foreign.py"


@pytest.mark.long
def test_it_is_trained_by_the_script(tmp_path):
    (tmp_path / "mine.py").write_text(SOURCE.read_text(encoding="utf-8"), encoding="utf-8")
    words = ["--mechanism", "mine:FlatFee", "--mechanism.fees", "0.02", "0.05", "--market", "gsm8k/reasoning_effort"]
    result = run_apart("train/run.py", tmp_path, *words, "--steps", "3000", "--num-markets", "8", "--name", "mine")
    assert result.returncode == 0, result.said
    summary = json.loads((tmp_path / "runs" / "mine" / "summary.json").read_text())
    game = StageGame(MARKET, FlatFee((0.02, 0.05)))
    assert summary["mechanism"] == "mine:FlatFee"
    assert summary["nash_levels"] in game.outcome(game.equilibria()).bids.level.tolist()
    assert summary["welfare_optimum"] == pytest.approx(game.welfare_optimum().value)
    assert "price_of_anarchy" not in summary


def test_play_is_compared_with_its_own_game_and_no_other():
    game, rng = StageGame(MARKET, FlatFee()), np.random.default_rng(0)
    actions = game.actions[rng.integers(0, game.num_actions, 3)]
    env = market_v0.parallel_env(MARKET, mechanism=FlatFee()).engine
    figures = evaluate(env, play(env, lambda seen: actions[None], 2))
    gain = 0.0
    for i in range(3):  # by hand: every own action against the others'
        trials = np.repeat(actions[None], game.num_actions, axis=0)
        trials[:, i] = game.actions
        utility = FlatFee().clear(MARKET, FlatFee().bids(MARKET, trials)).utility[:, i]
        gain += utility.max() - game.utility(actions)[i]
    assert figures["nash_conv"] == pytest.approx(gain)
    assert figures["at_equilibrium"] == (gain < 1e-15)


def test_scripted_opponents_and_frozen_play_know_it():
    env = VectorMarket(MARKET, FlatFee(), 4, dtype="float64")
    game = StageGame(MARKET, FlatFee())
    frozen = FrozenPlay(MARKET, FlatFee(), game.equilibrium()[None])
    np.testing.assert_allclose(frozen.worth, game.deviations(game.equilibrium()))
    assert frozen.nash_conv.total == pytest.approx(0, abs=1e-15)

    def lowest(seen):
        return np.zeros((*seen.shape[:2], 2), dtype=int)

    found = best_response_lower_bound(MARKET, lowest, 0, mechanism=FlatFee(), discount=0.5, updates=20, num_markets=4)
    start = np.zeros((3, 2), dtype=int)
    gain = game.deviations(start)[0].max() - game.utility(start)[0]
    assert found.gain == pytest.approx(gain, rel=1e-3)
    assert env.single_observation_space.contains(env.reset(seed=0)[0][0, 0].astype(np.float64))


def test_a_subclass_that_changes_the_rule_forgets_what_was_known_of_the_old_one():
    class Rebate(PerToken):
        name = "rebate"

        def clear(self, market, bids, draws=None):
            return super().clear(market, bids._replace(ask=0.5 * bids.ask), draws)

    class Renamed(SecondPrice):
        name = "renamed"

    assert Rebate().known() is StageGame
    assert Renamed().known() is SecondPrice().known()
    assert type(StageGame(MARKET, Rebate())) is StageGame
    actions = StageGame(MARKET, PerToken()).equilibrium()
    brute = StageGame(MARKET, Rebate())
    np.testing.assert_allclose(
        brute.deviations(actions)[0],
        [brute.utility(np.array([k, *actions[1:]]))[0] for k in range(MARKET.num_levels)],
    )


def test_a_name_of_its_own():
    register_mechanism("flat_fee", FlatFee)
    try:
        assert make_mechanism("flat_fee", fees=(0.1,)) == FlatFee((0.1,))
        register_mechanism("flat_fee", FlatFee)
        with pytest.raises(ValueError, match="the name 'flat_fee' belongs to FlatFee"):
            register_mechanism("flat_fee", PerToken)
    finally:
        del MECHANISMS["flat_fee"]


class Nameless(Mechanism):
    def bids(self, market, actions):
        raise NotImplementedError


class OddShow(FlatFee):
    public = ("level", "score")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "subclasses ttc_env.mechanisms.Mechanism; NoneType does not"),
        (object(), "subclasses ttc_env.mechanisms.Mechanism; object does not"),
        (PerToken, "is an object or a name, got the class PerToken"),
        (Nameless(), "Nameless lacks name, action_sizes, clear, utility_bounds"),
        (OddShow(), "public of OddShow can show level, ask, claim, got score"),
        ("perToken", "unknown mechanism 'perToken'; allowed: per_token"),
        ("os:path", "subclasses ttc_env.mechanisms.Mechanism"),
        ("builtins:dict", "dict does not"),
        ("no_such_module:Class", "cannot load the mechanism 'no_such_module:Class'"),
        ("..:x", "unknown mechanism '..:x'"),
    ],
)
def test_what_is_no_mechanism_is_refused_by_name(given, message):
    with pytest.raises(ValueError, match=message):
        VectorMarket(MARKET, given)
    with pytest.raises(ValueError, match=message):
        StageGame(MARKET, given)


@pytest.mark.parametrize(
    "actions",
    [np.zeros((3, 3), dtype=int), np.full((3, 2), 9), np.full((3, 2), -1), np.zeros((3, 2)), np.full((3, 2), np.nan)],
)
def test_actions_outside_are_refused(actions):
    with pytest.raises(ValueError, match="actions"):
        StageGame(MARKET, FlatFee()).nash_conv(actions)
