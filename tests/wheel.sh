#!/usr/bin/env sh
# Build the wheel, install it in an empty environment and use it there. BIN is the folder of a Python with `build`.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
python=$(cd "$here/${BIN:-.venv/bin}" && pwd)/python
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# two builds of one commit are the same to the byte, whatever the clock says
for build in first second; do
    SOURCE_DATE_EPOCH=$(git -C "$here" log -1 --format=%ct) "$python" -m build --quiet --wheel --outdir "$work/$build" "$here"
done
cmp "$work"/first/*.whl "$work"/second/*.whl
"$python" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --constraint "$here/constraints.txt" "$work"/first/*.whl
cd "$work"  # away from the checkout, so that the installed package is the one imported
"$work/venv/bin/python" - "$work"/first/*.whl <<'END'
import sys
import zipfile

names = zipfile.ZipFile(sys.argv[1]).namelist()
assert any(name.endswith("licenses/LICENSE") for name in names), "the licence of the code is missing"
assert "ttc_env/data/README.md" in names, "where data come from and their licence is missing"
top = {name.split("/")[0] for name in names}
assert {name for name in top if not name.endswith(".dist-info")} == {"ttc_env"}, top

import gymnasium
import ttc_env

assert len(ttc_env.list_markets()) == 12
market = ttc_env.load_market("gsm8k/majority_voting", beta=1000.0)
assert ttc_env.equilibrium.pure_nash(market).tolist() == [[5, 4, 5, 5, 5, 5, 4, 5, 4]]
env = gymnasium.make("ttc/PerToken-v0")
env.reset(seed=0)
env.step(env.action_space.sample())
for module in ("torch", "stable_baselines3", "vllm", "pandas", "matplotlib", "agents", "train"):
    assert module not in sys.modules, module
print(f"the wheel of ttc_env {ttc_env.__version__} works in an empty environment")
END
