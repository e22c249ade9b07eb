"""The one-way rule: each room of the library imports only from the rooms below it, and never what users may lack."""

import ast
import sys
from pathlib import Path

import pytest

import ttc_env.evaluation
from tests.helpers.scripts import run_python

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "ttc_env"
FLOORS = [  # from the ground up
    {"arrays", "checks", "lazily", "named"},
    {"names"},
    {"outcomes"},
    {"market"},
    {"mixtures", "markets"},
    {"batch", "curves"},
    {"describing"},
    {"period"},
    {"mechanisms"},
    {"equilibrium"},
    {"dynamics"},
    {"repeated"},
    {"collusion", "feedback", "observing", "opponents", "rendering"},
    {"language"},
    {"envs"},
    {"playing", "market_v0", "per_token_v0", "second_price_v0", "posted_price_v0", "first_price_v0"},
    {"metrics"},
    {"judging"},
    {"evaluation", "registration"},
    {"__init__"},
    {"__main__"},
    {"scripting"},
]
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
KNOWS_ITS_GAME = {"mechanisms"}  # each names, in a function, the class upstairs that knows its stage game
FOREIGN = {"torch", "stable_baselines3", "vllm", "transformers", "pandas", "matplotlib", "tyro", "rich"}
NEVER = (FOREIGN - {"torch"}) | {"agents", "train", "curves", "tests"}
MAY_USE_IN_FUNCTIONS = {
    "torch": {"arrays.py", "envs/uniform.py", "scripting/threads.py"},
    "pandas": {"evaluation/collecting.py"},
}
MODULES = {path.relative_to(LIBRARY).as_posix(): path for path in sorted(LIBRARY.rglob("*.py"))}


def imports(path, functions=True):
    """Full names of what a file imports, `from a import b` as `a.b`; without those inside functions if asked."""
    names, nodes = set(), [ast.parse(path.read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        types_only = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if functions or not (isinstance(node, ast.FunctionDef) or types_only):
            nodes += ast.iter_child_nodes(node)
    return names


def room(name):
    """The room of `ttc_env.room.module`, or of a file inside the library."""
    return name.removeprefix("ttc_env.").removesuffix(".py").replace("/", ".").split(".")[0]


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_downstairs_only(module):
    own = room(module)
    for name in imports(MODULES[module], functions=own not in KNOWS_ITS_GAME):
        if name.split(".")[0] == "ttc_env":
            other = room(name)
            assert other == own != "__init__" or LEVEL[other] < LEVEL[own], f"{module} imports {name}"


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_imported_that_a_user_may_lack(module):
    used = {name.split(".")[0] for name in imports(MODULES[module])}
    allowed = {"rich"} if room(module) == "scripting" else set()
    for name, modules in MAY_USE_IN_FUNCTIONS.items():
        if module in modules:
            allowed.add(name)
            assert name not in imports(MODULES[module], functions=False)
    assert not used & (NEVER | {"torch"}) - allowed


def test_the_market_and_its_rules_know_no_environment_library():
    for module in MODULES:
        if LEVEL[room(module)] < LEVEL["envs"]:
            used = {name.split(".")[0] for name in imports(MODULES[module])}
            assert not used & {"gymnasium", "pettingzoo"}, module


def test_adapters_do_no_mathematics():
    """An `exp` or an `argmax` in an adapter is in the wrong room."""
    for module, path in MODULES.items():
        if room(module) == "envs":
            called = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
            assert not called & {"exp", "log", "argmax", "argmin", "max", "sum", "mean", "sort", "cumsum"}, module


def test_every_room_has_its_floor():
    assert {room(module) for module in MODULES} <= set(LEVEL)


def test_agents_do_not_know_the_scripts_that_train_them():
    for path in (ROOT / "agents").rglob("*.py"):
        assert not {name.split(".")[0] for name in imports(path)} & {"train", "tests"}, path


def test_importing_the_library_loads_no_learning_or_plotting_library():
    script = "import sys, ttc_env; print(*sys.modules)"
    loaded = run_python(script)
    assert loaded.returncode == 0, loaded.stderr
    names = set(loaded.stdout.split())
    assert not {name.split(".")[0] for name in names} & FOREIGN
    assert {name for name in names if name.startswith("ttc_env.")} == {"ttc_env.lazily", "ttc_env.registration"}


@pytest.mark.parametrize("package", ["ttc_env", "ttc_env.evaluation"])
def test_every_public_name_is_found_when_it_is_asked_for(package):
    """The lists of such a package, for type checkers and for loading, name the same."""
    script = (
        f"import {package} as package, types\n"
        "assert set(package.__all__) <= set(dir(package))\n"
        "for name in [*package.__all__, 'metrics' if package.__name__ == 'ttc_env' else 'statistics']:\n"
        "    found = getattr(package, name)\n"
        "    assert isinstance(found, (types.ModuleType, tuple, dict)) or found.__name__ == name\n"
        "assert not hasattr(package, 'nothing') and not hasattr(package, '__main__')"
    )
    done = run_python(script)
    assert done.returncode == 0, done.stderr
    path = LIBRARY / Path(*package.split(".")[1:]) / "__init__.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    listed = {alias.name for node in block.body for alias in node.names}
    assert listed == set(sys.modules[package].__all__)


SLOW_TO_LOAD = {"torch", "pandas", "matplotlib", "numba", "scipy", "stable_baselines3", "tensorboard", "transformers"}


def test_scripts_read_their_arguments_before_they_load_what_takes_seconds():
    paths = [path for folder in ("train", "curves") for path in sorted((ROOT / folder).glob("*.py"))]
    scripts = [f"{path.parent.name}.{path.stem}" for path in paths if "__main__" in path.read_text(encoding="utf-8")]
    assert len(scripts) > 10
    script = "import importlib, sys\n"
    script += f"for name in {scripts}:\n    importlib.import_module(name)\n"
    script += f"    assert not {SLOW_TO_LOAD} & set(sys.modules), (name, {SLOW_TO_LOAD} & set(sys.modules))"
    done = run_python(script)
    assert done.returncode == 0, done.stderr


def test_a_numpy_market_is_played_without_torch():
    script = (
        "import sys, gymnasium, ttc_env\n"
        "env = gymnasium.make('ttc/SecondPrice-v0', demand=3); env.reset(seed=0); env.step(env.action_space.sample())\n"
        "ttc_env.load_market('aime/best_of_n').shares([0] * 9)\n"
        "assert 'torch' not in sys.modules"
    )
    done = run_python(script)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("folder", "others"), [("curves", {"agents", "train"}), ("train", {"curves"})])
def test_measuring_and_training_know_nothing_of_each_other(folder, others):
    for path in (ROOT / folder).rglob("*.py"):
        if "adapters" not in path.parts:  # packages of their own, for other projects
            assert not {name.split(".")[0] for name in imports(path)} & (others | {"tests"}), path


SORTS_A_TABLE = {"train/study.py", "train/paper_figures.py"}  # rows of the published study, by mechanism
CLASSES = {kind.__name__ for kind in ttc_env.mechanisms.MECHANISMS.values()}
NAMES = set(ttc_env.mechanisms.MECHANISMS)
MAY_NAME_A_MECHANISM = {"ttc_env/mechanisms", "ttc_env/equilibrium", "ttc_env/__init__.py", "ttc_env/registration.py"}


def asks_which_mechanism(node):
    """Whether an expression tests an object for the class, or for the name, of a mechanism of the suite."""
    names = {part.attr if isinstance(part, ast.Attribute) else getattr(part, "id", "") for part in ast.walk(node)}
    if isinstance(node, ast.Call):
        return getattr(node.func, "id", "") in ("isinstance", "issubclass") and bool(names & CLASSES)
    texts = {part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)}
    return isinstance(node, ast.Compare) and bool(names & CLASSES or texts & NAMES) and "mechanism" in str(names)


def test_nobody_asks_which_mechanism_it_is():
    """What depends on the rule is asked of the mechanism or of its stage game; see docs/mechanisms.md."""
    for folder in ("ttc_env", "agents", "train"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            module = path.relative_to(ROOT).as_posix()
            if module in SORTS_A_TABLE or any(module.startswith(room) for room in MAY_NAME_A_MECHANISM):
                continue
            tree = ast.parse(path.read_text(encoding="utf-8"))
            nodes = [node for node in ast.walk(tree) if asks_which_mechanism(node)]
            assert not nodes, f"{module}, line {nodes[0].lineno}: {ast.unparse(nodes[0])}"
