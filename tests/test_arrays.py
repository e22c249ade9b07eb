"""Look-ups that pack rows for speed give what plain indexing gives, bit by bit."""

import numpy as np
import pytest

from ttc_env.arrays import Choice, only


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("states", "pack"), [(1, 4), (2, 4), (3, 4), (4, 2), (11, 2), (12, 1), (200, 1)])
def test_a_choice_is_that_of_plain_indices_whatever_the_batch_and_the_layout(states, pack, dtype):
    rng = np.random.default_rng(0)
    choice = Choice(rng.random((3, 5, states)).astype(dtype))
    assert choice.pack == pack
    for batch in (1, 2, 4, 7, 12):
        state = rng.integers(0, states, batch)
        for room in (np.empty((3, 9, batch), dtype).transpose(2, 0, 1)[..., 2:7], np.empty((batch, 3, 5), dtype)):
            choice.write(state, room)
            np.testing.assert_array_equal(room, choice.tables[..., state].transpose(2, 0, 1))


def test_what_a_mask_leaves_out_is_minus_infinity_and_the_rest_is_untouched():
    values = np.array([[0.0, -0.0, 1e38, -1e38], [1e-45, -np.inf, np.inf, 3.0]], np.float32)
    mask = np.random.default_rng(0).random((5, 2, 4)) < 0.5
    for there in (mask, np.asfortranarray(mask)):
        wanted = np.where(there, values, np.float32(-np.inf))
        assert only(there, values).dtype == np.float32
        assert only(there, values).tobytes() == wanted.tobytes()
