"""The regression of offers on offers: exact where there is no noise, and as written out by hand where there is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc_env.evaluation.responsiveness import responsiveness


def test_a_rule_without_noise_is_found_exactly():
    rng = np.random.default_rng(0)
    rivals, own = rng.normal(size=40), np.zeros(40)
    for t in range(39):
        own[t + 1] = 0.3 + 0.5 * own[t] + 0.25 * rivals[t]
    fit = responsiveness(own, rivals)
    assert (fit.own, fit.rivals, fit.periods) == (pytest.approx(0.5), pytest.approx(0.25), 39)
    assert max(fit.own_error, fit.rivals_error) < 1e-12


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(6, 30), st.integers(1, 3))
def test_least_squares_and_white_errors_with_a_constant_for_each_market(seed, periods, markets):
    own, rivals = np.random.default_rng(seed).normal(size=(2, periods, markets))
    fit = responsiveness(own, rivals)
    constants = np.tile(np.eye(markets), (periods - 1, 1))
    design = np.column_stack([own[:-1].ravel(), rivals[:-1].ravel(), constants])
    found, *_ = np.linalg.lstsq(design, own[1:].ravel(), rcond=None)
    left = own[1:].ravel() - design @ found
    bread = np.linalg.pinv(design.T @ design)
    variance = bread @ (design.T * left**2 @ design) @ bread * len(left) / (len(left) - markets - 2)
    np.testing.assert_allclose([fit.own, fit.rivals], found[:2], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose([fit.own_error, fit.rivals_error], np.sqrt(np.diag(variance))[:2], rtol=1e-6)


@pytest.mark.parametrize(
    ("own", "rivals"),
    [
        ([1.0] * 9, list(range(9))),
        (list(range(9)), [2.0] * 9),
        ([1.0, 2.0, 3.0], [3.0, 1.0, 2.0]),
        ([0.0, 1.0] * 6, [0.0, 1.0] * 6),
    ],
)
def test_what_is_not_determined_is_not_a_number(own, rivals):
    assert np.isnan(responsiveness(np.array(own), np.array(rivals)).rivals)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        responsiveness(np.zeros(3), np.zeros(4))
