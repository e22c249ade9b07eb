"""A provider of a repeated market as an environment of verifiers: a language model learns in one seat.

    vf-eval ttc-market --env.taskset.mechanism posted_price -n 9     # trainers take it by the same name

A task is one seat of one market, the other seats are scripted, and a rollout is an episode of it: a turn for each
period. The reward is the mean profit of a period over all periods of the episode, exact, in the units of the
mechanism; it is worked out anew from the answers, so that a stored rollout can be scored again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import verifiers.v1 as vf
from pydantic import Field

import ttc_env
from ttc_env.envs.single import ProviderEnv
from ttc_env.envs.text import TextProvider
from ttc_env.equilibrium import StageGame
from ttc_env.language import AnswerError, Template

__all__ = ["MarketEnv", "MarketTaskset"]


class MarketConfig(vf.TasksetConfig):
    """What is played."""

    markets: list[str] = Field(["gsm8k/majority_voting"])
    """of ttc_env.list_markets(); a task for each provider of each"""
    mechanism: str = "per_token"
    beta: float = 1000.0
    opponents: Literal["nash", "best_response", "random"] = "nash"
    periods: int = 5
    history: int = 1
    """last periods that a turn shows; the conversation has the others"""
    tries: int = 3
    """answers that are none in a row, after which the episode ends and the rest of it earns nothing"""


class MarketData(vf.TaskData):
    """One seat of one market."""

    play: MarketConfig
    market: str
    provider: int


class Episode:
    """An episode of a task: `prompt` is the next turn, None at the end."""

    def __init__(self, data: MarketData) -> None:
        play = data.play
        market = ProviderEnv(
            data.market,
            play.mechanism,
            provider=data.provider,
            opponents=play.opponents,
            beta=play.beta,
            max_cycles=play.periods,
        )
        self.env = TextProvider(market, Template(history=play.history))
        self.env.reset(seed=0)
        self.tries, self.earned, self.invalid, self.periods, self.failed = play.tries, 0.0, 0, play.periods, 0
        self.system, self.prompt = self._messages()

    def answer(self, text: str) -> None:
        """Play a period, or say what was wrong."""
        try:
            _, reward, _, ended, _ = self.env.step(text)
        except AnswerError as error:
            self.invalid, self.failed = self.invalid + 1, self.failed + 1
            self.prompt = None if self.failed == self.tries else f"This was no answer: {error}. Answer again."
            return
        self.earned, self.failed = self.earned + reward, 0
        self.prompt = None if ended else self._messages()[1]

    @property
    def reward(self) -> float:
        """Mean over all periods that the episode has."""
        return self.earned / self.periods

    def _messages(self) -> tuple[str, str | None]:
        talk = self.env.talk
        system, user = self.env.speaker.messages(talk.provider, talk.past, talk.notes)
        return system["content"], user["content"]


class MarketTask(vf.Task[MarketData]):
    """Scores the answers of a rollout."""

    @vf.reward(weight=1.0)
    async def profit(self, trace: vf.Trace) -> float:
        """Mean reward of a period."""
        return self._played(trace).reward

    @vf.metric
    async def invalid(self, trace: vf.Trace) -> float:
        """Answers that were none."""
        return float(self._played(trace).invalid)

    async def validate(self, runtime: vf.Runtime) -> bool | None:
        """Whether the equilibrium, played in words, earns what the exact solver says of it."""
        play = self.data.play
        if play.opponents != "nash":
            return None
        episode = Episode(self.data)
        game = StageGame(ttc_env.load_market(self.data.market, beta=play.beta), episode.env.speaker.game.mechanism)
        action = game.equilibrium()
        text = episode.env.speaker.form(self.data.provider).write(action[self.data.provider])
        while episode.prompt is not None:
            episode.answer(text)
        exact = float(game.utility(action)[self.data.provider])
        return abs(episode.reward * float(episode.env.speaker.game.usd_per_reward) - exact) <= 1e-9 * max(exact, 1e-9)

    def _played(self, trace: vf.Trace) -> Episode:
        episode = Episode(self.data)
        for message in trace.assistant_messages:
            if episode.prompt is not None:
                episode.answer((message.content or "").strip())
        return episode


class MarketEnvConfig(vf.EnvConfig):
    """Who plays."""

    player: vf.AgentConfig = vf.AgentConfig()


class MarketEnv(vf.Env[MarketEnvConfig]):
    """The market answers what the model answers."""

    async def run(self, task, agents):  # as the base class has it
        """One episode."""
        episode = Episode(task.data)
        async with agents.player.interaction(task) as interaction:
            segment = await interaction.turn()
            while not segment.terminated:
                episode.answer(segment.last_reply)
                if episode.prompt is None:
                    break
                segment = await interaction.turn(episode.prompt)


class MarketTaskset(vf.Taskset[MarketTask, MarketConfig]):
    """A task for each seat."""

    def load(self) -> Iterator[MarketTask]:
        """The seats of all markets."""
        for market in self.config.markets:
            for provider in range(ttc_env.load_market(market).num_providers):
                data = MarketData(
                    name=f"{market}, {self.config.mechanism}, seat {provider}",
                    play=self.config,
                    market=market,
                    provider=provider,
                )
                episode = Episode(data)
                yield MarketTask(
                    data.model_copy(update={"system_prompt": episode.system, "prompt": episode.prompt}),
                    self.config.task,
                )
