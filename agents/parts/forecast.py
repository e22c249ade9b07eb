"""What play will take, before any of it is paid for: the questions, how many, and how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ttc_env.language import Message

if TYPE_CHECKING:
    from agents.language import Language

CHARACTERS = 3
"""of a prompt per token, about: numbers take more tokens than words"""


class Forecast(NamedTuple):
    """What a player would ask.

    messages: of the last question: as long as they get where notes are none.
    schema: of its answer.
    questions: answers that are wanted; each may be asked for `tries` times.
    tries: at most, for one answer.
    characters: of all prompts, if every answer is right at once and notes are empty.
    max_tokens: of one answer.
    cost: USD, least and most: of answers of no length that are right at once, and of the longest that never are; None
        without prices.
    """

    messages: list[Message]
    schema: dict[str, Any]
    questions: int
    tries: int
    characters: int
    max_tokens: int
    cost: tuple[float, float] | None

    def times(self, runs: int) -> Forecast:
        """That of so many runs."""
        cost = None if self.cost is None else (self.cost[0] * runs, self.cost[1] * runs)
        return self._replace(questions=self.questions * runs, characters=self.characters * runs, cost=cost)


def forecast(player: Language, steps: int) -> Forecast:
    """The questions of `steps` agent steps, found by playing them with plain actions and no model."""
    env, config = player.env, player.config
    periods = -(-steps // (env.num_markets * env.num_providers))
    observations, game = env.reset(player.seed)[0], env.game
    lowest = np.zeros(game.market.num_providers, dtype=np.int64)
    plain = np.asarray(game.mechanism.honest(game.market, lowest))[env.seats]
    actions, characters, questions = np.stack([plain] * env.num_markets), 0, []
    for _ in range(periods):
        questions = player.home.questions(np.asarray(observations), env.seats, player.seed)
        characters += sum(len(message["content"]) for question in questions for message in question.messages)
        observations = env.step(actions)[0]
    last, count = questions[-1], periods * env.num_markets * env.num_providers
    cost = None
    if config.input_price is not None and config.output_price is not None:
        prompts = characters / CHARACTERS * config.input_price / 1e6
        again = count * config.max_tokens * config.tries
        cost = prompts, config.tries * prompts + again * (config.output_price + config.input_price) / 1e6
    schema = player.home.speaker.form(last.provider).schema
    return Forecast(last.messages, schema, count, config.tries, characters, config.max_tokens, cost)
