"""What the environments and the docs say is complete, and what they show runs."""

import importlib
import inspect
import json
import re
import shlex
from pathlib import Path

import pytest

from tests.helpers.scripts import run_apart, run_here
from ttc_env.registration import ENVIRONMENTS

ROOT = Path(__file__).resolve().parents[1]
HEADINGS = [
    *("Description", "Action Space", "Observation Space", "Rewards", "Starting State", "Episode End", "Information"),
    *("Arguments", "References", "Version History"),
]
MODULES = [importlib.import_module(f"ttc_env.{module}") for _, module in ENVIRONMENTS.values()]
each_module = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)


@each_module
def test_a_version_module_has_the_ten_headings(module):
    lines = inspect.getdoc(module).splitlines()
    assert [line.removeprefix("# ") for line in lines if line.startswith("# ")] == HEADINGS
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        assert not line.startswith("# ") or following.strip(), f"{line} says nothing"
    version = module.__name__.rsplit("_", 1)[1]
    assert any(line.startswith(f"{version}: ") for line in lines)


@each_module
def test_every_argument_is_explained(module):
    parameters = inspect.signature(module.parallel_env).parameters
    explained = [
        line.split(":")[0].strip() for line in inspect.getdoc(module.parallel_env).splitlines() if ": " in line
    ]
    assert list(parameters) == [name for name in explained if name in parameters]


@each_module
def test_a_version_module_has_the_three_names_of_pettingzoo(module):
    assert callable(module.parallel_env)
    assert callable(module.raw_env)
    assert callable(module.env)


@pytest.mark.long
def test_the_learner_of_the_docs_is_complete(tmp_path):
    page = (ROOT / "docs" / "benchmark.md").read_text(encoding="utf-8")
    name, code = re.search(r"<!-- tested: (\w+)\.py -->\n```python\n(.*?)```", page, re.DOTALL).groups()
    (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
    command = re.search(rf"python (train/benchmark\.py --learner {name}:.*)", page).group(1).split()
    result = run_apart(command[0], tmp_path, *command[1:], "--backend", "serial", "--no-figures")
    assert result.returncode == 0, result.said
    lines = (tmp_path / "runs" / "benchmark" / "ttc-lite-v1" / "results.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    assert len(records) == 6
    own = [record["metrics"]["relative_nash_conv"] for record in records if record["learner"].startswith(name)]
    assert max(own) < 0.01


PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("ttc_env/data/*.md")])


def anchors(page):
    """The anchors of a page's headings, as GitHub and MyST make them."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    heads = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = page if not path else page.parent / path
        assert there.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(there), f"{page.name} links to {target}, which has no such heading"


def commands(page):
    """Every command of the suite's scripts in the shell blocks of a page, as words."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        given = dict(re.findall(r"^(\w+)=[\"'](.*)[\"']$", block, re.MULTILINE))
        for line in block.splitlines():
            for name, value in given.items():
                line = line.replace(f"${name}", value)
            words = shlex.split(line, comments=True)
            if words[:1] in (["python"], [".venv/bin/python"]) and re.match(r"(train|curves)/\w+\.py", words[1]):
                yield words[1], words[2:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_are_ones_that_the_scripts_know(page, monkeypatch, tmp_path):
    """Every option of every command is read; nothing is run."""
    for own in PAGES:  # what pages write themselves
        for name, code in re.findall(r"<!-- tested: (\w+)\.py -->\n```python\n(.*?)```", own.read_text(), re.DOTALL):
            (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    for script, words in commands(page):
        module, read = importlib.import_module(script.removesuffix(".py").replace("/", ".")), []
        monkeypatch.setattr(module, "main", read.append)
        if words[:1] not in (["--help"], ["--resume"]):
            done = run_here(module.command_line, tmp_path, *words)
            assert len(read) == 1, f"{script} {' '.join(words)}: {done.said}"


def test_the_snippet_of_the_front_page_runs():
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "index.md").read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(code, "index.md", "exec"), {})


@pytest.mark.parametrize("gymnasium_id", ENVIRONMENTS)
def test_the_snippet_of_a_generated_page_runs(gymnasium_id, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    import generate

    page = generate.environment_page(gymnasium_id, *ENVIRONMENTS[gymnasium_id])
    *_, code = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert gymnasium_id in code
    exec(compile(code, gymnasium_id, "exec"), {})


def test_the_page_of_other_libraries_names_the_versions_they_are_tested_with():
    page = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
    pins = "".join(path.read_text() for path in (ROOT / "tests" / "clients" / "requirements").glob("*.txt"))
    named = dict(re.findall(r"^\| (\S+) \| (\d[\d.]*)[^|]* \|", page, re.MULTILINE))
    pinned = dict(re.findall(r"^(\S+)==(\S+)$", pins, re.MULTILINE))
    assert {name.lower(): version for name, version in named.items()} == {
        name: version for name, version in pinned.items() if name not in ("stable-baselines3", "peft")
    }
