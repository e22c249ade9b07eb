"""Environments in words: the PettingZoo and Gymnasium forms with prompts as observations and answers as actions."""

from __future__ import annotations

import json
from typing import Any

import gymnasium
import numpy as np
from pettingzoo.utils.wrappers import BaseParallelWrapper

from ttc_env.envs.parallel import ParallelMarket
from ttc_env.envs.single import ProviderEnv
from ttc_env.envs.vector import check_state
from ttc_env.language import AnswerError, AnswerForm, Notes, Seen, Speaker, Template, remember


class Prompts(gymnasium.Space[str]):
    """All texts."""

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """A number in words of JSON; any text is a prompt."""
        return json.dumps(float(self.np_random.random()))

    def contains(self, x: Any) -> bool:
        """Whether it is a text."""
        return isinstance(x, str)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Prompts)


class Answers(gymnasium.Space[str]):
    """The texts that are answers of one provider.

    Args:
        form: of the answers.
        actions: the space of the actions they stand for.
    """

    def __init__(self, form: AnswerForm, actions: gymnasium.Space) -> None:
        self.form, self.actions = form, actions
        super().__init__(None, str)

    def seed(self, seed: Any = None) -> Any:
        """Restart the draws."""
        return self.actions.seed(seed)

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """The answer that stands for an action drawn from the space of actions."""
        return self.form.write(self.actions.sample())

    def contains(self, x: Any) -> bool:
        """Whether it can be read."""
        try:
            self.form.read(x)
        except (AnswerError, TypeError):
            return False
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Answers) and other.form.schema == self.form.schema


class Conversation:
    """One provider's side of an episode in words: what it has seen, and what it told itself last."""

    def __init__(self, speaker: Speaker, provider: int) -> None:
        self.speaker, self.provider = speaker, provider
        self.past: list[Seen] = []
        self.notes = Notes()

    def begin(self, observation: np.ndarray) -> str:
        """Forget everything and read the first prompt."""
        self.past, self.notes = [], Notes()
        return self.see(observation)

    def see(self, observation: np.ndarray) -> str:
        """The prompt of the next period."""
        self.past = remember(self.past, observation, self.speaker.template.history)
        return self.speaker.text(self.provider, self.past, self.notes)

    def get_state(self) -> dict[str, Any]:
        """What was seen and noted."""
        return {"past": list(self.past), "notes": self.notes}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go back to `get_state`."""
        self.past, self.notes = list(state["past"]), state["notes"]


class TextMarket(BaseParallelWrapper):
    """A PettingZoo market, `parallel_env(...)`, in which agents read prompts and answer in JSON.

    Observations are texts and actions are texts, one JSON object each as the prompt asks for; rewards and infos stay. A
    text that is no answer raises an `AnswerError`, a ValueError that says why, and nothing has changed then.

    Args:
        env: a `ParallelMarket`.
        template: what `ttc_env.language.Speaker` takes.
    """

    def __init__(self, env: ParallelMarket, template: str | Template = "plain") -> None:
        super().__init__(env)
        self.speaker = Speaker(env.engine.game, template)
        self.talks = {agent: Conversation(self.speaker, i) for i, agent in enumerate(env.possible_agents)}
        self._prompts = Prompts()
        self._answers = {
            agent: Answers(self.speaker.form(i), env.action_space(agent)) for i, agent in enumerate(env.possible_agents)
        }

    def observation_space(self, agent: str) -> gymnasium.Space:
        """All texts."""
        return self._prompts

    def action_space(self, agent: str) -> gymnasium.Space:
        """The answers of an agent, always the same object."""
        return self._answers[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
        """Start an episode; what was seen before is forgotten."""
        observations, infos = self.env.reset(seed=seed, options=options)
        return {agent: self.talks[agent].begin(seen) for agent, seen in observations.items()}, infos

    def step(self, actions: dict[str, str]) -> tuple[dict, dict, dict, dict, dict]:
        """Clear one period.

        Raises:
            AnswerError: a text is no answer; nothing has changed.
        """
        read = {}
        for agent, text in actions.items():
            try:
                read[agent] = self.speaker.read(self.env.possible_agents.index(agent), text)
            except AnswerError as error:
                raise AnswerError(f"{agent}: {error}") from None
        found = self.env.step({agent: answer.action for agent, answer in read.items()})
        for agent, answer in read.items():
            self.talks[agent].notes = answer.notes
        return {agent: self.talks[agent].see(seen) for agent, seen in found[0].items()}, *found[1:]

    def get_state(self) -> dict[str, Any]:
        """Everything the future depends on; see `set_state`."""
        talks = {agent: talk.get_state() for agent, talk in self.talks.items()}
        return {"market": self.env.get_state(), "talks": talks}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go back to where `get_state` was called."""
        check_state(state, "market", "talks")
        self.env.set_state(state["market"])
        for agent, talk in self.talks.items():
            talk.set_state(state["talks"][agent])


class TextProvider(gymnasium.Wrapper):
    """A Gymnasium market in which the provider that learns reads prompts and answers in JSON.

    Args:
        env: a `ProviderEnv`, also inside the wrappers of `gymnasium.make`.
        template: what `ttc_env.language.Speaker` takes.
    """

    def __init__(self, env: gymnasium.Env, template: str | Template = "plain") -> None:
        super().__init__(env)
        market: Any = env.unwrapped
        if not isinstance(market, ProviderEnv):
            raise ValueError(f"only markets of this suite are put in words, got {market!r}")
        self.provider = int(market.seats[0])
        self.speaker = Speaker(market.engine.game, template)
        self.talk = Conversation(self.speaker, self.provider)
        self.observation_space = Prompts()
        self.action_space = Answers(self.speaker.form(self.provider), env.action_space)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Start an episode; what was seen before is forgotten."""
        observation, info = self.env.reset(seed=seed, options=options)
        return self.talk.begin(observation), info

    def step(self, action: str) -> tuple[str, Any, bool, bool, dict[str, Any]]:
        """Clear one period.

        Raises:
            AnswerError: the text is no answer; nothing has changed.
        """
        answer = self.speaker.read(self.provider, action)
        observation, reward, terminated, truncated, info = self.env.step(answer.action)
        self.talk.notes = answer.notes
        return self.talk.see(observation), reward, terminated, truncated, info
