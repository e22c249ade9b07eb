"""What all scripts of curves/ share."""

from tests.helpers.scripts import run_python

SCRIPTS = ("build", "import_runs", "measure", "nano", "reverify")


def test_help_and_wrong_arguments_wait_for_no_large_library():
    """Importing a script is all that happens before its arguments are read."""
    script = f"import sys, {', '.join(f'curves.{name}' for name in SCRIPTS)}; print(*sys.modules)"
    loaded = {name.split(".")[0] for name in run_python(script).stdout.split()}
    assert "tyro" in loaded
    assert not loaded & {
        "torch",
        "transformers",
        "vllm",
        "datasets",
        "jsonschema",
        "math_verify",
        "sympy",
        "pandas",
        "pyarrow",
    }
