"""One seat of a repeated market in words, the other seats scripted, with the exact profit of a period as reward."""

from typing import Any
from uuid import uuid4

from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import EnvironmentMetadata, State
from ttc_env.envs.single import ProviderEnv
from ttc_env.envs.text import TextProvider
from ttc_env.language import AnswerError, Template

try:
    from ..models import MarketAction, MarketObservation
except ImportError:  # OpenEnv also starts a server from inside its folder
    from models import MarketAction, MarketObservation


class MarketEnvironment(Environment[MarketAction, MarketObservation, State]):
    """An episode is `periods` periods; it ends early after `tries` answers in a row that are none.

    Arguments of `reset`, all optional: `market`, `mechanism`, `provider`, `opponents`, `beta` and what else
    `ttc_env.envs.single.ProviderEnv` takes; `periods`, `history` (last periods that a prompt shows) and `tries`.
    """

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self) -> None:
        super().__init__()
        self._state, self._env = State(episode_id=None, step_count=0), None
        self._tries = self._failed = self._invalid = 0

    def reset(
        self,
        seed: int | None = None,
        episode_id: str | None = None,
        periods: int = 5,
        history: int = 20,
        tries: int = 3,
        **market: Any,
    ) -> MarketObservation:
        """Start an episode."""
        self._env = TextProvider(ProviderEnv(**market, max_cycles=periods), Template(history=history))
        self._env.reset(seed=seed)
        self._state = State(episode_id=episode_id or str(uuid4()), step_count=0)
        self._tries, self._failed, self._invalid = tries, 0, 0
        return self._see(reward=0.0, done=False)

    def step(self, action: MarketAction, timeout_s: float | None = None, **unused: Any) -> MarketObservation:
        """Clear one period; an answer that is none clears nothing, earns nothing, and is told why."""
        if self._env is None:
            raise RuntimeError("no episode is running; call reset first")
        self._state.step_count += 1
        try:
            _, reward, _, ended, _ = self._env.step(action.answer)
        except AnswerError as error:
            self._failed, self._invalid = self._failed + 1, self._invalid + 1
            seen = self._see(reward=0.0, done=self._failed >= self._tries)
            return seen.model_copy(update={"prompt": f"This was no answer: {error}. Answer again."})
        self._failed = 0
        return self._see(reward=reward, done=ended)

    @property
    def state(self) -> State:
        """Which episode, and how many answers it has had."""
        return self._state

    def get_metadata(self) -> EnvironmentMetadata:
        """What this is."""
        return EnvironmentMetadata(name="ttc_market", description=__doc__ or "", version="0.1.0")

    def _see(self, reward: float, done: bool) -> MarketObservation:
        env = self._env
        system, user = env.speaker.messages(env.provider, env.talk.past, env.talk.notes)
        return MarketObservation(
            system=system["content"],
            prompt=user["content"],
            answer_schema=env.speaker.form(env.provider).schema,
            invalid=self._invalid,
            reward=reward,
            done=done,
        )
