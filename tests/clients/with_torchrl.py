"""PPO of TorchRL, for one provider against scripted ones or for all providers in one group."""

import gymnasium
import torch
from tensordict.nn import TensorDictModule
from torch.distributions import Categorical, Independent
from torchrl.envs import GymWrapper, PettingZooWrapper
from torchrl.modules import MLP, NormalParamExtractor, ProbabilisticActor, TanhNormal, ValueOperator
from torchrl.objectives import ClipPPOLoss

import ttc_env


def one_provider(gymnasium_id="ttc/PerToken-v0", **options):
    """One provider learns, the others play their equilibrium."""
    return GymWrapper(gymnasium.make(gymnasium_id, **options), categorical_action_encoding=True)


def all_providers(module=ttc_env.per_token_v0, **options):
    """Every provider learns; all are one group, so that a tensor holds the actions of all."""
    env = module.parallel_env(**options)
    return PettingZooWrapper(
        env, group_map={"providers": env.possible_agents}, categorical_actions=True, use_mask=False
    )


class Choices(Independent):
    """Several choices at once, each from its own number of options."""

    def __init__(self, logits, sizes):
        impossible = torch.arange(max(sizes)) >= torch.tensor(sizes)[:, None]
        logits = logits.unflatten(-1, impossible.shape).masked_fill(impossible, -torch.inf)
        super().__init__(Categorical(logits=logits), 1)


def make_actor(env, seen):
    """A policy for whatever actions the environment takes; providers of a group share it."""
    space = env.action_space(env.possible_agents[0]) if hasattr(env, "possible_agents") else env.action_space
    if isinstance(space, gymnasium.spaces.Box):
        net = torch.nn.Sequential(MLP(out_features=2 * space.shape[0], num_cells=[64, 64]), NormalParamExtractor())
        keys, distribution = ["loc", "scale"], {"distribution_class": TanhNormal}
    elif isinstance(space, gymnasium.spaces.MultiDiscrete):
        sizes = space.nvec.tolist()
        net, keys = MLP(out_features=len(sizes) * max(sizes), num_cells=[64, 64]), ["logits"]
        distribution = {"distribution_class": Choices, "distribution_kwargs": {"sizes": sizes}}
    else:
        net, keys = MLP(out_features=space.n, num_cells=[64, 64]), ["logits"]
        distribution = {"distribution_class": Categorical}
    group = seen[:-1]
    return ProbabilisticActor(
        TensorDictModule(net, in_keys=[seen], out_keys=[(*group, key) for key in keys]),
        in_keys={key: (*group, key) for key in keys},
        out_keys=[env.action_key],
        return_log_prob=True,
        log_prob_key=(*group, "sample_log_prob"),
        **distribution,
    )


def train(env, frames=500):
    """One update of PPO from so many periods; returns what was played and the losses."""
    group = env.action_key[:-1] if isinstance(env.action_key, tuple) else ()
    seen = (*group, "observation")
    actor = make_actor(env, seen)
    critic = ValueOperator(MLP(out_features=1, num_cells=[64, 64]), in_keys=[seen], out_keys=[(*group, "state_value")])
    with torch.no_grad():
        played = env.rollout(frames, actor, break_when_any_done=False)
        critic(played[:1].clone())  # its first layer takes its size from what it sees
    names = ("reward", "done", "terminated")
    keys = {name: (*group, name) for name in names} | {"value": (*group, "state_value")}
    loss = ClipPPOLoss(actor, critic)
    loss.set_keys(action=env.action_key, sample_log_prob=(*group, "sample_log_prob"), **keys)
    loss.make_value_estimator(
        gamma=0.9, lmbda=0.95
    )  # the value of what follows a cut counts, that after an end does not
    optimizer = torch.optim.Adam(loss.parameters(), 1e-3)
    for _ in range(4):
        losses = loss(played)
        optimizer.zero_grad()
        sum(value for name, value in losses.items() if name.startswith("loss_")).backward()
        optimizer.step()
    return played, losses


if __name__ == "__main__":
    for env in (one_provider(), all_providers()):
        print({name: round(float(value), 3) for name, value in train(env)[1].items() if value.numel() == 1})
