"""The environments in words: the same periods as in numbers, and what was read, not more."""

import copy
import pickle

import gymnasium
import numpy as np
import pytest

import ttc_env
from ttc_env.envs.text import TextMarket, TextProvider
from ttc_env.language import AnswerError

NAME = "gsm8k/reasoning_effort"
MAKERS = [ttc_env.per_token_v0, ttc_env.posted_price_v0, ttc_env.first_price_v0, ttc_env.second_price_v0]


@pytest.mark.parametrize("module", MAKERS, ids=lambda module: module.__name__.rpartition(".")[2])
def test_a_market_in_words_is_the_market_in_numbers(module):
    words = TextMarket(module.parallel_env(NAME, demand=5, max_cycles=4), "profit")
    numbers = module.parallel_env(NAME, demand=5, max_cycles=4)
    seen, _ = words.reset(seed=3)
    numbers.reset(seed=3)
    for agent in words.agents:
        assert seen[agent] in words.observation_space(agent)
        words.action_space(agent).seed(1)
    while words.agents:
        answers = {agent: words.action_space(agent).sample() for agent in words.agents}
        assert all(text in words.action_space(agent) for agent, text in answers.items())
        actions = {agent: words.speaker.read(i, answers[agent]).action for i, agent in enumerate(words.possible_agents)}
        seen, rewards, _, truncations, infos = words.step(answers)
        _, others, _, ends, other_infos = numbers.step(actions)
        assert (rewards, truncations, infos) == (others, ends, other_infos)
    assert "Period 5 begins" in seen[words.possible_agents[0]]


def test_a_provider_in_words_and_the_same_future_again():
    env = TextProvider(gymnasium.make("ttc/PostedPrice-v0", market=NAME, provider=1, max_cycles=5))
    twin = gymnasium.make("ttc/PostedPrice-v0", market=NAME, provider=1, max_cycles=5)
    text, _ = env.reset(seed=0)
    twin.reset(seed=0)
    assert "you are provider 1" in text
    env.action_space.seed(0)
    for _ in range(5):
        answer = env.action_space.sample()
        copies = [copy.deepcopy(env), pickle.loads(pickle.dumps(env))]
        found = env.step(answer)
        action = env.speaker.read(1, answer).action
        assert found[1:] == twin.step(action)[1:]
        assert all(other.step(answer) == found for other in copies)
    assert found[3]


def test_a_market_in_words_goes_back_to_a_state():
    env = TextMarket(ttc_env.per_token_v0.parallel_env(NAME, max_cycles=5, demand=4), "profit")
    env.reset(seed=0)
    answers = dict.fromkeys(env.agents, '{"level": 2, "plans": "p", "insights": "i"}')
    env.step(answers)
    state = env.get_state()
    first = env.step(answers)
    env.set_state(state)
    assert env.step(answers) == first
    assert 'Your plans: "p"' in next(iter(first[0].values()))


def test_what_is_no_answer_changes_nothing():
    env = TextMarket(ttc_env.per_token_v0.parallel_env(NAME, max_cycles=5, demand=4))
    env.reset(seed=0)
    good = dict.fromkeys(env.agents, '{"level": 2}')
    bad = good | {env.agents[1]: "two"}
    twin = copy.deepcopy(env)
    with pytest.raises(AnswerError, match=rf"{env.agents[1]}: the answer must be one JSON object"):
        env.step(bad)
    assert "two" not in env.action_space(env.agents[0])
    assert 3 not in env.action_space(env.agents[0])
    assert env.step(good) == twin.step(good)


def test_only_markets_are_put_in_words():
    with pytest.raises(ValueError, match="only markets of this suite"):
        TextProvider(gymnasium.make("CartPole-v1"))


def test_pettingzoo_accepts_it():
    from pettingzoo.test import parallel_api_test

    env = TextMarket(ttc_env.per_token_v0.parallel_env(NAME, max_cycles=5))
    parallel_api_test(env, num_cycles=10)
    assert env.state().dtype == np.float32
