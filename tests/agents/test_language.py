"""The player against a server in a thread: what it asks, what it does with answers and with what is none."""

import json

import numpy as np
import pytest

import ttc_env
from agents.checkpoints import read, write
from agents.language import Language, LanguageConfig
from agents.parts.transcript import NAME
from agents.resuming import get_state, set_state
from tests.helpers.chat_servers import FAULTS, completion, seat_of, serving
from ttc_env.envs.seats import Seats
from ttc_env.scripting.chat import ServerError

MARKET = "gsm8k/reasoning_effort"
PASSING = [fault for fault in FAULTS if fault not in ("hang", "drip")]


def player(url, folder=None, env=None, **options):
    env = env or ttc_env.VectorMarket(MARKET, max_cycles=100, dtype="float64")
    settings = {"base_url": url, "model": "tiny", "timeout": 10.0, "backoff": 0.001} | options
    made = Language(env, 0, 5, LanguageConfig(**settings))
    if folder is not None:
        made.keep_in(folder)
    return made


def lines(folder):
    return [json.loads(line) for line in (folder / NAME).read_text().splitlines()]


def by_seat(body):
    """Provider i plays its level 1 + (i + t) % 5."""
    seat, period = seat_of(body)
    return json.dumps({"level": 1 + (seat + period) % 5})


def levels(made):
    return [actions.tolist() for actions in made.played(100)]


def expected(periods):
    return [[(i + t) % 5 for i in range(3)] for t in range(1, periods + 1)]


def test_it_plays_what_is_answered_and_keeps_what_was_returned(tmp_path):
    with serving(by_seat) as (url, chat):
        made = player(url, tmp_path, input_price=1.0, output_price=10.0)
        for _ in range(4):
            made.update()
        made.close()
    assert levels(made) == expected(4)
    assert made.steps == 12
    body = chat.bodies[0]
    assert body["response_format"]["json_schema"]["schema"]["properties"]["level"] == {"enum": [1, 2, 3, 4, 5]}
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("tiny", 1.0, 1000)
    assert len({body["seed"] for body in chat.bodies}) == len(chat.bodies) == 12
    told = lines(tmp_path)
    assert len(told) == 12
    assert {line["reply"]["model"] for line in told} == {"tiny-2026"}
    assert {line["reply"]["fingerprint"] for line in told} == {"fp_1"}
    assert {line["template_hash"] for line in told} == {made.home.speaker.template.hash}
    assert len({line["key"] for line in told}) == 12
    report = made.report()
    assert (report["answers"], report["asked"], report["requests"], report["invalid"]) == (12, 12, 12, 0)
    assert (report["prompt_tokens"], report["completion_tokens"]) == (1200, 120)
    assert report["cost_usd"] == pytest.approx(0.0024)
    assert report["models"] == {"tiny-2026 fp_1": 12}
    assert report["finishes"] == {"stop": 12}


def test_a_replay_needs_no_server_and_is_the_same(tmp_path):
    with serving(by_seat, ["429", "500"]) as (url, _):
        made = player(url, tmp_path, template="profit", tries=2)  # answers lack notes, so that all fall back
        for _ in range(3):
            made.update()
        made.close()
    again = player(url, replay=str(tmp_path), template="profit", tries=2)
    for _ in range(3):
        again.update()
    assert again.report() == made.report()
    assert made.counts.fallbacks == 9
    np.testing.assert_array_equal(again.played(10), made.played(10))
    with pytest.raises(ValueError, match="does not hold all answers"):
        again.update()
    for other in ({"temperature": 0.5}, {"model": "other"}, {"template": "plain"}, {"seeds": False}):
        with pytest.raises(ValueError, match="does not hold all answers"):
            player(url, replay=str(tmp_path), **{"template": "profit", "tries": 2} | other).update()


def test_notes_are_shown_again(tmp_path):
    def answer(body):
        seat, period = seat_of(body)
        return json.dumps({"level": 1, "plans": f"plan {seat} {period}", "insights": 'a "b"'})

    with serving(answer) as (url, chat):
        made = player(url, template="price-war")
        made.update(), made.update()
        made.close()
    for body in chat.bodies[3:]:
        seat, _ = seat_of(body)
        assert f'Your plans: "plan {seat} 1"\nYour insights: "a \\"b\\""' in body["messages"][-1]["content"]


WRONG = [
    "I would choose level 3, since it pays.",
    "Ich wähle die Stufe drei.",
    '{"level": "three"}',
    '{"level": 3.5}',
    '{"level": 99}',
    '```json\n{"level": 3}\n```',
    '{"level": 3}{"level": 3}',
    "",
]


def test_what_is_none_is_asked_again_with_the_reason_and_never_bent():
    wrong = iter(WRONG)

    def answer(body):
        seat, _ = seat_of(body)
        return next(wrong) if seat == 1 and len(body["messages"]) < 6 else by_seat(body)

    with serving(answer) as (url, chat):
        made = player(url, tries=3)
        for _ in range(4):
            made.update()
        made.close()
    assert levels(made) == expected(4)
    assert (made.counts.invalid, made.counts.fallbacks, made.counts.asked) == (8, 0, 20)
    last = max(chat.bodies, key=lambda body: len(body["messages"]))["messages"]
    assert [message["role"] for message in last] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert all("This was no answer: " in message["content"] for message in last[3::2])


def test_then_the_last_action_is_repeated_and_counted(tmp_path):
    def answer(body):
        seat, period = seat_of(body)
        return "no" if seat == 2 and period != 2 else by_seat(body)

    with serving(answer) as (url, _):
        made = player(url, tmp_path, tries=2)
        for _ in range(4):
            made.update()
        made.close()
    wanted = expected(4)
    wanted[0][2] = 0  # before any answer: the plain action at the lowest level
    wanted[2][2] = wanted[3][2] = wanted[1][2]
    assert levels(made) == wanted
    report = made.report()
    assert (report["fallbacks"], report["invalid"], report["answers"]) == (3, 6, 12)
    assert report["without_fallbacks"]["periods"] == 1
    path = report["path"]
    repeated = [k for k, flag in enumerate(path["repeated"]) if flag]
    assert [(path["period"][k], path["provider"][k]) for k in repeated] == [(1, 2), (3, 2), (4, 2)]
    game = ttc_env.StageGame(ttc_env.load_market(MARKET), "per_token")
    clean = game.nash_conv(np.array(wanted[1])).total
    assert report["without_fallbacks"]["nash_conv"] == pytest.approx(clean)


def test_an_answer_that_was_cut_off_is_none():
    cut = completion('{"level": 3}')
    cut["choices"][0]["finish_reason"] = "length"
    with serving(lambda body: (200, cut)) as (url, _):
        made = player(url, tries=1)
        made.update()
        made.close()
    assert made.counts.fallbacks == 3
    assert made.counts.finishes == {"length": 3}


def test_every_passing_fault_is_counted_and_loses_nothing(tmp_path):
    with serving(by_seat, PASSING) as (url, chat):
        made = player(url, tmp_path, attempts=20)
        for _ in range(4):
            made.update()
        made.close()
    assert levels(made) == expected(4)
    assert sum(made.counts.faults.values()) == len(PASSING)
    assert made.counts.requests == len(chat.bodies) == 12 + len(PASSING)


def test_a_server_that_goes_away_costs_no_finished_period(tmp_path):
    """One clear error; with the same transcript the same play goes on, and only what is missing is asked."""
    with serving(by_seat) as (url, chat):
        made = player(url, tmp_path, attempts=2)
        made.update(), made.update()
        chat.left = ["500"] * 40
        with pytest.raises(ServerError, match="no answer from"):
            made.update()
        made.close()
        chat.left, before = [], len(chat.bodies)
        again = player(url, tmp_path, attempts=2)
        for _ in range(4):
            again.update()
        again.close()
        assert levels(again) == expected(4)
        assert len(chat.bodies) - before == 6
        again.counts.seconds = 0
        assert again.counts.asked == 12


def test_it_goes_on_from_a_checkpoint(tmp_path):
    with serving(by_seat) as (url, chat):
        made = player(url, tmp_path, template="plain")
        made.update(), made.update()
        write(tmp_path / "state", get_state(made))
        made.close()
        other = player(url)
        set_state(other, read(tmp_path / "state"))
        for one in (made, other):
            one.update()
            one.close()
        assert levels(other) == levels(made) == expected(3)
        told = [sorted(json.dumps(body) for body in chat.bodies[k : k + 3]) for k in (6, 9)]
        assert told[0] == told[1]
    counts = [dict(vars(one.counts), seconds=0) for one in (made, other)]
    assert counts[0] == counts[1]


def test_an_episode_begins_a_new_conversation_in_every_market():
    env = ttc_env.VectorMarket(MARKET, num_markets=2, max_cycles=2, dtype="float64")
    with serving(by_seat) as (url, chat):
        made = player(url, env=env)
        for _ in range(3):
            made.update()
        made.close()
    assert [seat_of(body)[1] for body in chat.bodies] == [1] * 6 + [2] * 6 + [1] * 6
    assert len({body["seed"] for body in chat.bodies}) == 18
    assert made.played(3).shape == (6, 3)


@pytest.mark.parametrize("mechanism", ["second_price", "posted_price", "first_price"])
def test_some_seats_of_any_mechanism_against_scripted_play(mechanism):
    env = Seats(ttc_env.VectorMarket(MARKET, mechanism, dtype="float64"), [0, 2], "nash")

    def answer(body):
        shapes = body["response_format"]["json_schema"]["schema"]["properties"]
        return json.dumps({name: shape["enum"][len(shape["enum"]) // 2] for name, shape in shapes.items()})

    with serving(answer) as (url, chat):
        made = player(url, env=env)
        made.update(), made.update()
        made.close()
    assert sorted({seat_of(body)[0] for body in chat.bodies}) == [0, 2]
    sizes = np.array(env.game.mechanism.action_sizes(env.game.market))
    np.testing.assert_array_equal(made.played(1)[0][[0, 2]], [sizes // 2] * 2)
    np.testing.assert_array_equal(made.played(1)[0][1], ttc_env.opponents.equilibrium_actions(env.game)[1])


def test_it_acts_elsewhere_in_conversations_of_their_own():
    with serving(by_seat) as (url, chat):
        made = player(url)
        made.update()
        elsewhere = ttc_env.VectorMarket("gpqa/reasoning_effort", dtype="float64")
        made.enter(elsewhere)
        seen, _ = elsewhere.reset(1)
        assert made.act(seen).shape == (1, elsewhere.num_providers)
        assert seat_of(chat.bodies[-1])[1] == 1
        made.update()
        made.close()
    assert seat_of(chat.bodies[-1])[1] == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": ""}, "model must name"),
        ({"structured": "yes"}, "structured must be one of"),
        ({"extra": "[1]"}, "extra must be a JSON object"),
        ({"extra": "{"}, "extra must be a JSON object"),
        ({"template": "none"}, "unknown template"),
        ({"tries": 0}, "tries must be"),
        ({"top_p": 1.5}, "top_p must be"),
        ({"input_price": -1.0}, "input_price must be"),
        ({"base_url": "host"}, "base_url must begin"),
        ({"replay": "nowhere.jsonl"}, "there is no transcript"),
    ],
)
def test_wrong_settings_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        player("http://127.0.0.1:1/v1", **options)


def test_further_fields_are_sent_and_null_takes_one_away():
    config = LanguageConfig(model="m", extra='{"max_tokens": null, "max_completion_tokens": 9}', structured="none")
    assert config.body({}, 7) == {"temperature": 1.0, "top_p": 1.0, "seed": 7, "max_completion_tokens": 9}
    assert LanguageConfig(seeds=False, structured="json_object").body({}, 7)["response_format"] == {
        "type": "json_object"
    }
