"""Recorded episodes of every registered environment, which tests/test_golden.py replays.

For a new environment, or dynamics changed on purpose (which takes a new version id), write them with

    python tests/golden/make.py

and read the difference before committing it. Each line of a file is the joint actions of a period, or what they
led to: the rewards, the infos, and the global state of period 0, afterwards without the curves, which stay.
"""

import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
PERIODS = 5


def path_of(variant):
    """The file of a variant."""
    return HERE / f"{variant}.json"


def record(variant, actions):
    """The episode these actions make in the PettingZoo parallel form."""
    env = variant.parallel(max_cycles=PERIODS)
    env.reset(seed=7)
    curves = env.engine.game.market.curves.size
    periods = [{"state": env.engine.state()[0].tolist()}]
    for joint in np.array(actions):
        _, rewards, _, truncations, infos = env.step(dict(zip(env.possible_agents, joint, strict=True)))
        state = env.engine.state()[0, curves:].tolist()
        periods.append({"state": state, "rewards": rewards, "truncations": truncations, "infos": infos})
    return periods


def write(variant, sample):
    """Record random play."""
    space = variant.single().action_space
    actions = sample(space, np.random.default_rng(0), (PERIODS, len(variant.parallel().possible_agents))).tolist()
    blocks = (",\n".join(map(json.dumps, lines)) for lines in (actions, record(variant, actions)))
    path_of(variant).write_text('{{"actions": [\n{}\n], "periods": [\n{}\n]}}\n'.format(*blocks))


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parents[1]))
    from tests.helpers.environments import VARIANTS, sample

    for variant in VARIANTS:
        write(variant, sample)
