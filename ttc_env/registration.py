"""The environments of the suite under their ids; done once, when `ttc_env` is imported."""

from __future__ import annotations

import gymnasium
import pettingzoo

# Gymnasium id -> mechanism, which `mechanism=...` replaces, and PettingZoo module
ENVIRONMENTS = {
    "ttc/PerToken-v0": ("per_token", "per_token_v0"),
    "ttc/SecondPrice-v0": ("second_price", "second_price_v0"),
    "ttc/PostedPrice-v0": ("posted_price", "posted_price_v0"),
    "ttc/FirstPrice-v0": ("first_price", "first_price_v0"),
    "ttc/Market-v0": ("per_token", "market_v0"),
}


def register_environments() -> None:
    """Register every environment with Gymnasium, and with PettingZoo where the installed version has a registry."""
    for gymnasium_id, (mechanism, module) in ENVIRONMENTS.items():
        gymnasium.register(
            gymnasium_id,
            entry_point="ttc_env.envs.single:ProviderEnv",
            vector_entry_point="ttc_env.envs.single:VectorProviderEnv",
            kwargs={"mechanism": mechanism},
        )
        if hasattr(pettingzoo, "register"):
            pettingzoo.register("parallel", f"ttc/{module}", entry_point=f"ttc_env.{module}:parallel_env")
            pettingzoo.register("aec", f"ttc/{module}", entry_point=f"ttc_env.{module}:env")
