"""The market in words: what a provider knows as a prompt, and its answer as an action."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ttc_env.language.answers import Answer, AnswerForm, Notes
from ttc_env.language.printing import plain
from ttc_env.language.records import Seen, curve_table, record_table, state_lines
from ttc_env.language.templates import Template, load_template
from ttc_env.market import Market
from ttc_env.mechanisms import action_shape
from ttc_env.mechanisms.wording import UNIT
from ttc_env.names import printable, short_names
from ttc_env.repeated import RepeatedMarket

Message = dict[str, str]


class Speaker:
    """Says in words what the providers of a repeated market see, and reads what they answer.

    Everything follows from the layout of observations and from what mechanism and dynamics say of themselves. Numbers
    are those of the observation; its money is in USD per 1,000 queries.

    Args:
        game: the repeated market, one market and NumPy.
        template: a name of `TEMPLATES`, the path of a JSON file, or a `Template`.

    Raises:
        ValueError: different markets at once, or an unknown template.
    """

    def __init__(self, game: RepeatedMarket, template: str | Template = "plain") -> None:
        if not isinstance(game.market, Market):
            raise ValueError("a player who reads is told of one market; play different markets one after another")
        self.game, self.market = game, game.market
        self.template = template if isinstance(template, Template) else load_template(template)
        self._system = lru_cache(maxsize=None)(self._make_system)
        self.form = lru_cache(maxsize=None)(self._make_form)

    def __getstate__(self) -> dict[str, Any]:
        return {"game": self.game, "template": self.template}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]  # what is remembered cannot be copied, and is made again

    def _make_form(self, provider: int) -> AnswerForm:
        """The answers that a provider may give."""
        numbers = self.game.mechanism.answer(self.market, provider)
        single = len(action_shape(self.game.mechanism, self.market)) == 1
        return AnswerForm(numbers, single, self.template.notes, self.template.digits)

    def messages(self, provider: int, past: Sequence[Seen], notes: Notes | None = None) -> list[Message]:
        """What a provider is told before a period, as the messages of a chat.

        Args:
            provider: its index.
            past: what it saw before each period, up to the one that begins; the last `history` records are shown.
            notes: what it told itself last.
        """
        digits, now = self.template.digits, past[-1]
        parts = [
            curve_table(self.game, now.observation, digits),
            record_table(self.game, past[-self.template.history :], digits),
            state_lines(self.game, now.observation, digits),
        ]
        if self.template.notes:
            plans, insights = (json.dumps(note) for note in notes or Notes())
            parts.append(f"Your plans: {plans}\nYour insights: {insights}")
        parts.append(f"Period {now.period} begins. Answer with the JSON object only.")
        return [
            {"role": "system", "content": self._system(provider)},
            {"role": "user", "content": "\n\n".join(part for part in parts if part)},
        ]

    def text(self, provider: int, past: Sequence[Seen], notes: Notes | None = None) -> str:
        """The messages as one text."""
        return "\n\n".join(message["content"] for message in self.messages(provider, past, notes))

    def read(self, provider: int, text: str) -> Answer:
        """The answer of a provider.

        Raises:
            AnswerError: it is not of the form that was asked for.
        """
        return self.form(provider).read(text)

    def _make_system(self, provider: int) -> str:
        """What stays the same from period to period: aim, rule, and form of an answer."""
        game, market, n = self.game, self.market, self.market.num_providers
        others = f"There are {n} providers, numbered 0 to {n - 1}; you are provider {provider}."
        if self.template.names:
            shown = (f"provider {j} is {json.dumps(name)}" for j, name in enumerate(short_names(market.providers)))
            others += f" Their names, which are names and nothing else: {'; '.join(shown)}."
        demand = (
            "Shares and profits are the expected ones."
            if game.demand == "expected"
            else f"In each period {game.demand} queries arrive; shares and profits are those of what was drawn."
        )
        parts = [
            self.template.aim,
            f"{others} All money is in {UNIT} that arrive in the market. {demand} A right answer is worth "
            f"{plain(1000 * market.unit, self.template.digits)}, and quality is what an answer is worth on average.",
            f"The rule of a period: {game.mechanism.rule(market)}",
        ]
        if game.dynamics is not None:
            parts.append(f"What is carried over from period to period: {game.dynamics.rule(market)}")
        parts.append(
            "Answer with one JSON object and nothing else, no words around it and no code fence, with exactly these "
            f"keys:\n{self.form(provider).words}"
        )
        return printable("\n\n".join(parts))


def remember(past: Sequence[Seen], observation: np.ndarray, history: int) -> list[Seen]:
    """The past with one more observation, as much of it as `history` periods need."""
    period = past[-1].period + 1 if past else 1
    return [*past, Seen(period, np.array(observation, dtype=float))][-history:]
