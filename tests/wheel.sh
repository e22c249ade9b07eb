#!/usr/bin/env sh
# Build sdist and wheel, and use each in an empty environment. BIN is the folder of a Python with `build`.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
python=$(cd "$here/${BIN:-.venv/bin}" && pwd)/python
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
SOURCE_DATE_EPOCH=$(git -C "$here" log -1 --format=%ct)
export SOURCE_DATE_EPOCH
rm -rf "$here/build"  # setuptools packs what earlier builds left there
# from the checkout and from the sdist: nothing is missing in the sdist, and two builds are the same to the byte
"$python" -m build --quiet --outdir "$work/dist" "$here"
"$python" -m build --quiet --wheel --outdir "$work/again" "$here"
cmp "$work"/dist/*.whl "$work"/again/*.whl
cd "$work"  # away from the checkout, so that the installed package is the one imported
for built in "$work"/dist/*; do
    "$python" -m venv --clear "$work/venv"
    "$work/venv/bin/python" -m pip install --quiet --constraint "$here/constraints.txt" "$built"
    "$work/venv/bin/python" - "$built" <<'END'
import sys
import tarfile
import zipfile

built = sys.argv[1]
if built.endswith(".whl"):
    names, licence = zipfile.ZipFile(built).namelist(), "licenses/LICENSE"
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"ttc_env"}, names
else:
    names, licence = tarfile.open(built).getnames(), "/LICENSE"
for needed in (licence, "ttc_env/data/README.md", "ttc_env/data/croissant.json", "ttc_env/py.typed"):
    assert any(name.endswith(needed) for name in names), f"{needed} is missing"

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
END
    for words in "" "gsm8k/majority_voting" "--play ttc/SecondPrice-v0"; do
        # shellcheck disable=SC2086  # words are words
        "$work/venv/bin/python" -m ttc_env $words >/dev/null
    done
    "$work/venv/bin/python" -m pip list --format=freeze >"$work/installed"
    echo "$(basename "$built") works in an empty environment: $(grep -vE '^(pip|setuptools)==' "$work/installed" | tr '\n' ' ')"
done
