"""What a GPU asks of a step, checked without one: nothing waits for the device, and everything stays float32."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ttc_env import VectorMarket

WAITS = {"_local_scalar_dense", "nonzero", "masked_select", "unique", "is_nonzero", "equal"}  # or shapes that data make


class Watch(TorchDispatchMode):
    """Collects the operations that read the device back, and the float64 tensors that any operation makes."""

    def __init__(self):
        super().__init__()
        self.waits, self.doubles, self.count = [], [], 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        name = function.overloadpacket.__name__
        self.count += 1
        self.waits += [name] if name in WAITS else []
        made = out if isinstance(out, tuple | list) else [out]
        self.doubles += [name for one in made if isinstance(one, torch.Tensor) and one.dtype == torch.float64]
        return out


def watched(autoreset, mechanism="per_token", **options):
    env = VectorMarket(
        "gsm8k/majority_voting",
        mechanism,
        4,
        backend="torch",
        copy=False,
        check_actions=False,
        max_cycles=3,
        autoreset=autoreset,
        **options,
    )
    env.reset(seed=0)
    size = env.single_action_space.shape
    actions = torch.zeros((4, 9, *size), dtype=torch.int64)
    env.step(actions)
    with Watch() as watch:
        for _ in range(4):  # over the end of an episode
            env.step(actions)
    assert watch.count > 20
    return watch


@pytest.mark.parametrize("mechanism", ["per_token", "second_price"])
@pytest.mark.parametrize("demand", ["expected", 5])
@pytest.mark.parametrize("shared_record", [False, True])
def test_a_step_waits_for_nothing_and_makes_no_double(mechanism, demand, shared_record):
    watch = watched("next_step", mechanism, demand=demand, shared_record=shared_record)
    assert not watch.waits
    assert not watch.doubles


def test_resets_in_the_same_step_ask_once_whether_an_episode_ended():
    """`final_obs` is there only when it did; who wants no waiting takes `next_step`."""
    assert len(watched("same_step").waits) == 4  # steps
