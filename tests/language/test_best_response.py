"""A player that reads only the text, and answers it as well as can be, reaches the equilibrium."""

import json
import math

import numpy as np
import pytest

from tests.helpers import text_reader
from ttc_env import StageGame, VectorMarket, load_market
from ttc_env.language import Speaker, remember


def curve(text):
    return text_reader.tables(text)["level"]


def last(text):
    return text_reader.tables(text).get("period", [None])[-1]


def crowd(text, value):
    """What the others' offers and not buying weigh together, given the own value last period, by the own share."""
    rationality = text_reader.number(text, "b = ")
    share = last(text)[f"share of provider {text_reader.own_number(text)}"]
    return rationality, rationality * value + math.log((1 - share) / share)


def per_token(text):
    rows = curve(text)
    value = [row["quality"] - row["list price"] for row in rows]
    if last(text) is None:
        return {"level": rows[int(np.argmin(value))]["level"]}
    played = [row["level"] for row in rows].index(last(text)["your level"])
    rationality, others = crowd(text, value[played])
    earned = [
        (r["list price"] - r["cost"]) / (1 + math.exp(others - rationality * v))
        for r, v in zip(rows, value, strict=True)
    ]
    return {"level": rows[int(np.argmax(earned))]["level"]}


def posted_price(text):
    rows, prices = curve(text), text_reader.allowed(text)["price"]
    if last(text) is None:
        return {"level": rows[0]["level"], "price": prices[0]}
    played = [row["level"] for row in rows].index(last(text)["your level"])
    rationality, others = crowd(text, rows[played]["quality"] - last(text)["your ask"])
    choices = [(row, price) for row in rows for price in prices]
    earned = [
        (price - row["cost"]) / (1 + math.exp(others - rationality * (row["quality"] - price)))
        for row, price in choices
    ]
    row, price = choices[int(np.argmax(earned))]
    return {"level": row["level"], "price": price}


def second_price(text):
    rows = curve(text)
    best = max(rows, key=lambda row: row["quality"] - row["cost"])
    return {"level": best["level"], "ask_above_cost": 0, "claim_above_quality": 0}


@pytest.mark.parametrize("name", ["gsm8k/reasoning_effort", "gsm8k/majority_voting", "gpqa/best_of_n"])
@pytest.mark.parametrize("player", [per_token, posted_price, second_price], ids=lambda player: player.__name__)
def test_it_reaches_the_equilibrium(player, name):
    env = VectorMarket(name, player.__name__, dtype="float64")
    game, speaker = StageGame(load_market(name), env.game.mechanism), Speaker(env.game)
    past = [[] for _ in range(env.num_providers)]
    observations = env.reset(0)[0]
    for _ in range(30):
        actions = []
        for i in range(env.num_providers):
            past[i] = remember(past[i], observations[0, i], 1)
            actions.append(speaker.read(i, json.dumps(player(speaker.text(i, past[i])))).action)
        observations, *_, info = env.step([actions])
    assert game.is_equilibrium(info["actions"][0])


def first_price(text):
    """Undercut the best score of the others as little as the grid allows, where that pays."""
    rows, record, me = curve(text), last(text), text_reader.own_number(text)
    asks, claims = (text_reader.allowed(text)[key] for key in ("ask_above_cost", "claim_above_quality"))
    rival = 0.0
    if record is not None:
        bidders = {int(key.rpartition(" ")[2]) for key in record if key.startswith("ask of")} - {me}
        rival = max(0.0, *(record[f"claim of provider {j}"] - record[f"ask of provider {j}"] for j in bidders))
    top = max(claims)  # a claim above the truth costs nothing
    bids = [(ask, row) for row in rows for ask in asks if ask > 0 and row["quality"] + top - row["cost"] - ask > rival]
    ask, row = max(bids, key=lambda bid: bid[0], default=(min(a for a in asks if a > 0), rows[0]))
    return {"level": row["level"], "ask_above_cost": ask, "claim_above_quality": top}


def test_in_the_first_price_auction_it_answers_as_well_as_can_be():
    """Against providers who stay as they are, its answer to the text is a best response of the exact game."""
    name = "gsm8k/reasoning_effort"
    env = VectorMarket(name, "first_price", dtype="float64")
    game, speaker = StageGame(load_market(name), env.game.mechanism), Speaker(env.game)
    rng = np.random.default_rng(0)
    for _ in range(20):
        joint = game.actions[rng.integers(0, game.num_actions, env.num_providers)]
        env.reset(0)
        observations = env.step(joint[None])[0]
        i = int(rng.integers(env.num_providers))
        text = speaker.text(i, remember([], observations[0, i], 1))
        best = game.deviations(joint)[i].max()
        joint[i] = speaker.read(i, json.dumps(first_price(text))).action
        assert game.utility(joint)[i] == pytest.approx(max(best, 0.0), abs=1e-12)
