"""The list of faults fits the code as it stands; trying them is `make mutation`."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from faults import FAULTS

ROOT = Path(__file__).resolve().parents[2]


def test_there_are_faults_in_every_room():
    files = {fault.file for fault in FAULTS}
    assert len(FAULTS) >= 60
    for room in (
        "ttc_env/market", "ttc_env/mechanisms/", "ttc_env/repeated", "ttc_env/envs/", "ttc_env/equilibrium/", "curves/",
        "ttc_env/scripting/", "agents/", "ttc_env/evaluation/", "train/",
    ):  # fmt: skip
        assert any(file.startswith(room) for file in files), room
    assert len({fault.what for fault in FAULTS}) == len(FAULTS)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what.replace(" ", "-"))
def test_a_fault_has_its_place_and_its_tests(fault):
    content = (ROOT / fault.file).read_text(encoding="utf-8")
    assert content.count(fault.before) == 1
    assert fault.after != fault.before
    for test in fault.tests.split():
        file, _, name = test.partition("::")
        assert f"def {name.partition('[')[0]}" in (ROOT / file).read_text(encoding="utf-8")
