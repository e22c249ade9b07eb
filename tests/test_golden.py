"""Recorded episodes, replayed: the dynamics of a registered id never change."""

import json

import pytest

from tests.golden import make
from tests.helpers.environments import VARIANTS, each_variant


def assert_close(found, recorded):
    """Equal structure and texts, numbers to nine digits (NumPy's sums may differ in the last ones)."""
    if isinstance(recorded, dict):
        assert found.keys() == recorded.keys()
        for key in recorded:
            assert_close(found[key], recorded[key])
    elif isinstance(recorded, float | list):
        assert found == pytest.approx(recorded, rel=1e-9, abs=1e-12)
    else:
        assert found == recorded


@each_variant
def test_the_recorded_episode_is_replayed(variant):
    path = make.path_of(variant)
    assert path.is_file(), f"{variant} has no recorded episode; run python tests/golden/make.py"
    golden = json.loads(path.read_text())
    replayed = make.record(variant, golden["actions"])
    assert len(replayed) == len(golden["periods"]) == make.PERIODS + 1
    for found, recorded in zip(replayed, golden["periods"], strict=True):
        assert_close(found, recorded)


def test_every_record_belongs_to_an_environment():
    assert {path.name for path in make.HERE.glob("*.json")} == {make.path_of(variant).name for variant in VARIANTS}
