"""A single file that knows Gymnasium and torch only gets the numbers of `ProviderEnv`, copy by copy."""

import gymnasium
import numpy as np

from tests.clients.checks import DRAWN, check, ways_to_act
from tests.clients.with_cleanrl_style import train


@ways_to_act("multi_discrete")
def test_rewards_flags_and_seeds(gymnasium_id, how):
    how = DRAWN | how | {"dtype": "float64"}
    *_, (seen, action, reward, terminated, truncated, following), loss = train(gymnasium_id, updates=1, **how)
    space = gymnasium.make(gymnasium_id).action_space
    assert np.isfinite(loss)
    del how["dtype"]
    for copy in range(reward.shape[1]):
        actions = action[:, copy].numpy() if space.shape else action[:, copy, 0].numpy()
        found = {"observations": seen, "rewards": reward, "following": following}
        found |= {"terminated": terminated, "truncated": truncated}
        found = {name: values[:, copy].numpy() for name, values in found.items()}
        check(found, gymnasium.make(gymnasium_id, **how), copy, actions)


def test_the_same_seed_learns_the_same():
    first, again, other = (train(updates=3, seed=seed, **DRAWN)[-1] for seed in (0, 0, 1))
    assert first == again != other
