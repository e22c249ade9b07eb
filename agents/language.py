"""Language models as providers: any chat model behind a server that speaks the OpenAI protocol.

Each seat of each market is a conversation of its own. What is asked and answered goes to a transcript, from which the
same play can be had again without a server. A player of this kind is judged by the play it has shown, since to ask
again would cost as much; see `agents`.

Source: the protocol of repeated play with plans and insights follows Fish, Gonczarowski and Shorrer 2024,
arXiv:2404.00806.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from agents.parts import checks
from agents.parts.asking import Asker, Counts, Question
from agents.parts.figures_of_play import figures_of_play
from agents.parts.forecast import Forecast, forecast
from agents.parts.transcript import Transcript
from ttc_env.language import Notes, Seen, Speaker, load_template, remember
from ttc_env.observing import layout
from ttc_env.scripting.chat import ChatServer, Endpoint, with_fields

STRUCTURED = ("json_schema", "json_object", "none")


@dataclass(frozen=True)
class LanguageConfig:
    """Hyper-parameters of `Language`."""

    ARGUMENTS: ClassVar[dict[str, int]] = {"steps": 1000, "num_markets": 1}
    """defaults of scripts where they are others than those of learners that cost nothing"""

    base_url: str = "http://127.0.0.1:8000/v1"
    """address of the server"""
    model: str = ""
    """by the name that the server has for it"""
    template: str = "plain"
    """prompt: one of ttc_env.language.TEMPLATES (plain, profit, price-war), or a .json file of your own"""
    temperature: float = 1.0
    """of sampling"""
    top_p: float = 1.0
    """of sampling"""
    max_tokens: int = 1000
    """of an answer; what is cut off there is none"""
    structured: str = "json_schema"
    """what the server is asked to hold answers to: json_schema, json_object, or none"""
    seeds: bool = True
    """send a seed of its own with every question"""
    extra: str = "{}"
    """further fields of a request, as JSON; null takes one away: '{"seed": null, "reasoning_effort": "low"}'"""
    tries: int = 3
    """answers asked for at most before the last action is repeated"""
    timeout: float = 120.0
    """seconds one request may take"""
    attempts: int = 6
    """requests for one answer at most"""
    backoff: float = 1.0
    """seconds before the second one, doubled from then on"""
    concurrency: int = 16
    """requests at a time"""
    key_variable: str = "OPENAI_API_KEY"
    """environment variable with the key; it is written nowhere"""
    input_price: float | None = None
    """USD per million tokens of prompts, to say what play has cost"""
    output_price: float | None = None
    """USD per million tokens of answers"""
    replay: str = ""
    """a transcript, or the folder of a run: play from it, and ask no server"""

    def __post_init__(self) -> None:
        checks.counts(self, "max_tokens", "tries")
        checks.not_negative(self, "temperature")
        checks.between(self, 0, 1, "top_p")
        checks.switches(self, "seeds")
        if self.structured not in STRUCTURED:
            raise ValueError(f"structured must be one of {', '.join(STRUCTURED)}, got {self.structured!r}")
        for name in ("input_price", "output_price"):
            if getattr(self, name) is not None:
                checks.not_negative(self, name)
        load_template(self.template)
        self.body({}, 0)
        self.endpoint("any")

    def endpoint(self, model: str = "") -> Endpoint:
        """The server."""
        names = ("base_url", "key_variable", "timeout", "attempts", "backoff", "concurrency")
        return Endpoint(model=self.model or model, **{name: getattr(self, name) for name in names})

    def body(self, schema: dict[str, Any], seed: int) -> dict[str, Any]:
        """All of a request but its messages."""
        body: dict[str, Any] = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_tokens,
            "seed": seed if self.seeds else None,
        }
        if self.structured == "json_schema":
            described = {"name": "answer", "strict": True, "schema": schema}
            body["response_format"] = {"type": "json_schema", "json_schema": described}
        elif self.structured == "json_object":
            body["response_format"] = {"type": "json_object"}
        return with_fields(body, self.extra)


class Talks:
    """The conversations in the seats of a batch of markets: what was seen, noted and done last in each.

    An episode that begins begins them anew. `clock` counts the periods that were asked for, so that no two questions
    of a run are the same one.
    """

    def __init__(self, speaker: Speaker, tag: str) -> None:
        self.speaker, self.tag, self.clock = speaker, tag, 0
        self.past: dict[tuple[int, int], list[Seen]] = {}
        self.notes: dict[tuple[int, int], Notes] = {}
        self.last: dict[tuple[int, int], np.ndarray] = {}

    def questions(self, observations: np.ndarray, seats: Iterable[int], seed: int) -> list[Question]:
        """What every seat of every market is asked, given observations `(B, s, d)`."""
        self.clock += 1
        played = layout(self.speaker.game).places["played"].start
        found = []
        for row, views in enumerate(observations):
            for seat, seen in zip(seats, views, strict=True):
                place = row, int(seat)
                if not seen[played]:
                    self.past.pop(place, None), self.notes.pop(place, None), self.last.pop(place, None)
                self.past[place] = remember(self.past.get(place, []), seen, self.speaker.template.history)
                messages = self.speaker.messages(place[1], self.past[place], self.notes.get(place))
                found.append(Question(place[1], messages, (self.tag, seed, *place, self.clock)))
        return found

    def get_state(self) -> dict[str, Any]:
        """Everything, in types that a checkpoint holds."""
        return {
            "clock": self.clock,
            "past": {k: ([s.period for s in v], np.stack([s.observation for s in v])) for k, v in self.past.items()},
            "notes": {k: list(v) for k, v in self.notes.items()},
            "last": dict(self.last),
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from `get_state`."""
        self.clock = state["clock"]
        self.past = {
            tuple(place): [Seen(period, seen) for period, seen in zip(*past, strict=True)]
            for place, past in state["past"].items()
        }
        self.notes = {tuple(place): Notes(*notes) for place, notes in state["notes"].items()}
        self.last = {tuple(place): np.asarray(action) for place, action in state["last"].items()}


class Language:
    """A chat model in each seat.

    An answer that cannot be read is never bent into range: the model is told why and asked again, `tries` times in all;
    then the seat repeats its last action, in the first period the plain one at the lowest level, and that is counted.

    Args:
        env: the markets, backend numpy, all the same one.
        total_steps: not used.
        seed: of questions and markets.
        config: hyper-parameters.

    Raises:
        ValueError: different markets at once, or no model.
    """

    env_options = {"dtype": "float64"}  # noqa: RUF012
    Config = LanguageConfig

    def __init__(self, env: Any, total_steps: int, seed: int = 0, config: LanguageConfig | None = None) -> None:
        self.env, self.seed, self.config = env, seed, config or LanguageConfig()
        self.endpoint = self.config.endpoint()
        self.transcript, self.counts, self.steps = Transcript(), Counts(), 0
        if self.config.replay:
            self.transcript.read(Path(self.config.replay))
        self._server: ChatServer | None = None
        self.home = Talks(Speaker(env.game, self.config.template), "play")
        self.talks, self.seats, self.visits = self.home, env.seats, 0
        self.actions: list[np.ndarray] = []
        self.fallen: list[np.ndarray] = []
        self.states: list[np.ndarray] = []
        self.observations = env.reset(seed)[0]

    def keep_in(self, folder: Path) -> None:
        """Write the transcript there; what stands there already is not asked again."""
        self.transcript.write_to(folder)

    def enter(self, env: Any) -> None:
        """The next observations come from these markets, in conversations that begin now."""
        self.visits += 1
        self.talks, self.seats = Talks(Speaker(env.game, self.config.template), f"visit {self.visits}"), env.seats

    def act(self, observations: np.ndarray, greedy: bool = False) -> np.ndarray:
        """Actions `(B, s)` or `(B, s, c)` for observations `(B, s, d)`, asked for whether greedy or not."""
        return self._act(self.talks, self.seats, np.asarray(observations))[0]

    def update(self) -> dict[str, float]:
        """Play a period; returns the mean reward and the share of answers so far that were none."""
        actions, fallen = self._act(self.home, self.env.seats, np.asarray(self.observations))
        self.observations, rewards, _, _, info = self.env.step(actions)
        self.actions.append(np.asarray(info["actions"]))
        self.fallen.append(fallen)
        if "state" in info:
            self.states.append(np.asarray(info["state"]))
        self.steps += rewards.size
        return {"reward": float(rewards.mean()), "invalid": self.counts.invalid / self.counts.asked}

    def played(self, periods: int) -> np.ndarray:
        """What all providers did in the last periods, those of all markets one after another: `(T, n)`, `(T, n, c)`."""
        return np.concatenate(self.actions[-periods:])

    def visited(self) -> np.ndarray:
        """The states, by index, in which all of `played` was played, `(T,)`, where something is carried over."""
        return np.concatenate(self.states)

    def report(self) -> dict[str, Any]:
        """What is known of its play beside the figures of the market."""
        states = np.stack(self.states) if self.states else None
        return self._costs() | figures_of_play(
            self.env.game, self.env.seats, np.stack(self.actions), np.stack(self.fallen), states
        )

    def forecast(self, steps: int) -> Forecast:
        """What playing so many agent steps would ask of a server; nothing is asked. The player is spent then."""
        return forecast(self, steps)

    def close(self) -> None:
        """End the connection and the transcript."""
        self.transcript.close()
        if self._server is not None:
            self._server.close()
            self._server = None

    def state_dict(self) -> dict[str, Any]:
        """Progress; a model behind a server learns by what it is told alone."""
        return {"steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        self.steps = state["steps"]

    def get_state(self) -> dict[str, Any]:
        """The conversations, what was played, and what it took."""
        return {
            "talks": self.home.get_state(),
            "actions": self.actions,
            "fallen": self.fallen,
            "states": self.states,
            "counts": self.counts.content(),
            "observations": self.observations,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from `get_state`."""
        self.home.set_state(state["talks"])
        self.actions, self.fallen = list(state["actions"]), list(state["fallen"])
        self.states = list(state["states"])
        counters = {name: Counter(state["counts"][name]) for name in ("faults", "models", "finishes")}
        self.counts = Counts(**state["counts"] | counters)
        self.observations = state["observations"]

    def _act(self, talks: Talks, seats: np.ndarray, observations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Actions `(B, s)` or `(B, s, c)`, and where they repeat the last one, `(B, s)`."""
        questions = talks.questions(observations, seats, self.seed)
        answers = self._asker(talks.speaker).ask(questions)
        game, parts = talks.speaker.game, []
        for question, answer in zip(questions, answers, strict=True):
            place: Any = question.place[2:4]
            if answer is not None:
                talks.last[place], talks.notes[place] = answer.action, answer.notes
            elif place not in talks.last:
                lowest = np.zeros(game.market.num_providers, dtype=np.int64)
                talks.last[place] = np.asarray(game.mechanism.honest(game.market, lowest))[question.provider]
            parts.append(talks.last[place])
        shape = observations.shape[:2]
        fallen = np.array([answer is None for answer in answers]).reshape(shape)
        return np.stack(parts).reshape(*shape, *parts[0].shape), fallen

    def _asker(self, speaker: Speaker) -> Asker:
        identity = {"server": self.config.base_url, "model": self.config.model}
        return Asker(
            speaker, self.config.body, self._connect, identity, self.transcript, self.config.tries, self.counts
        )

    def _connect(self) -> ChatServer:
        if self.config.replay:
            raise ValueError(
                f"the transcript {self.config.replay} does not hold all answers of this play: market, prompt, "
                "sampling, seed, server and model must be those it was written with"
            )
        if self._server is None:
            self._server = ChatServer(self.endpoint)
        return self._server

    def _costs(self) -> dict[str, Any]:
        counts, config = self.counts.content(), self.config
        cost = None
        if config.input_price is not None and config.output_price is not None:
            tokens = self.counts.prompt_tokens * config.input_price, self.counts.completion_tokens * config.output_price
            cost = sum(tokens) / 1e6
        return counts | {
            "invalid_share": self.counts.invalid / max(self.counts.asked, 1),
            "fallback_share": self.counts.fallbacks / max(self.counts.answers, 1),
            "cost_usd": cost,
            "template": self.home.speaker.template.name,
            "template_hash": self.home.speaker.template.hash,
        }
