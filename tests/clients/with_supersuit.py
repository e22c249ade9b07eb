"""SuperSuit: wrappers around the PettingZoo forms. To learn with SB3, take `agents.vec_env.MarketVecEnv`."""

import supersuit

import ttc_env


def wrapped(module=ttc_env.per_token_v0, **options):
    """Every provider sees its last two periods, scaled to [0, 1], and who it is; rewards are clipped."""
    env = module.parallel_env(**options)
    env = supersuit.normalize_obs_v0(supersuit.dtype_v0(env, "float32"))
    env = supersuit.agent_indicator_v0(supersuit.frame_stack_v1(env, 2))
    return supersuit.clip_reward_v0(env, -10, 10)


if __name__ == "__main__":
    observations, _ = wrapped().reset(seed=0)
    print({provider: seen.shape for provider, seen in observations.items()})
