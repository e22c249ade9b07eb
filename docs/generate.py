"""Pages that are made from the code: one for each environment, from its docstring and the registry, and the API."""

from __future__ import annotations

import importlib
import inspect
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

import ttc_env
from train.reporting.meanings import QUANTITIES
from ttc_env.envs.vector import VectorMarket
from ttc_env.mechanisms import find_mechanism
from ttc_env.observing import layout
from ttc_env.registration import ENVIRONMENTS
from ttc_env.rendering.picture import MarketPicture

MARKET = "gsm8k/majority_voting"
FRAMES = 40
API = {
    "Markets and curves": ("market", "curves", "batch", "outcomes", "mixtures"),
    "Mechanisms": (
        "mechanisms.protocol",
        "mechanisms.registry",
        "mechanisms.per_token",
        "mechanisms.posted_price",
        "mechanisms.first_price",
        "mechanisms.second_price",
    ),
    "Equilibria": ("equilibrium",),
    "Environments": ("envs.vector", "envs.parallel", "envs.single", "envs.seats", "observing", "repeated"),
    "Play and judgement": ("opponents", "playing", "metrics", "evaluation"),
    "Dynamics": ("dynamics",),
    "Collusion": ("collusion",),
}


def write_pages(folder: Path) -> None:
    """Write all generated pages, with a moving picture of each environment, into an emptied folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for gymnasium_id, (mechanism, module) in ENVIRONMENTS.items():
        page = environment_page(gymnasium_id, mechanism, module)
        (folder / f"{module}.md").write_text(page, encoding="utf-8")
        write_film(folder / f"{module}.gif", mechanism)
    (folder / "numbers.md").write_text(numbers_page(), encoding="utf-8")
    for title, modules in API.items():
        (folder / f"api-{title.split()[0].lower()}.md").write_text(api_page(title, modules), encoding="utf-8")


def environment_page(gymnasium_id: str, mechanism: str, module: str) -> str:
    """The docstring of a version module, its spaces number by number, and a snippet that runs."""
    documented = inspect.getdoc(importlib.import_module(f"ttc_env.{module}")) or ""
    first, _, rest = documented.partition("\n")
    env = VectorMarket(MARKET, mechanism)
    rows = []
    fields = layout(env.game)
    for field in (*fields.own, *fields.public):
        place = fields.places[field.name]
        index = f"{place.start}" if field.size == 1 else f"{place.start} to {place.stop - 1}"
        rows.append(f"| {index} | `{field.name}` | {field.low:.4g} | {field.high:.4g} | {unit(field.name)} |")
    return "\n".join(
        [
            f"# {gymnasium_id}",
            "",
            first,
            "",
            f"![{FRAMES} periods on {MARKET}, from random play to the equilibrium]({module}.gif)",
            "",
            f"*{MARKET}, from random play to an equilibrium.*",
            "",
            rest.strip().replace("\n# ", "\n## ").replace("# Description", "## Description", 1),
            "",
            "## Every number of an observation",
            "",
            f"On {MARKET}:",
            "",
            "| index | field | least | greatest | unit |",
            "|---|---|---|---|---|",
            *rows,
            "",
            f"Actions of one provider: `{env.single_action_space}`.",
            "",
            "## Start here",
            "",
            "```python",
            "import gymnasium",
            "import ttc_env",
            "",
            f'env = gymnasium.make("{gymnasium_id}", market="{MARKET}", provider=0, opponents="nash")',
            "observation, info = env.reset(seed=0)",
            "observation, reward, terminated, truncated, info = env.step(env.action_space.sample())",
            "",
            f"parallel = ttc_env.{module}.parallel_env()  # every provider an agent",
            "```",
            "",
            "## All arguments",
            "",
            "```{eval-rst}",
            f".. autofunction:: ttc_env.{module}.parallel_env",
            "```",
            "",
        ]
    )


UNITS = {
    "level": "index / highest index",
    "share": "fraction of the queries",
    "reward": "`reward_scale`, USD per arriving query",
    "played": "1 once a period has been played",
    "rationality": "log10 of beta x answer value",
} | dict.fromkeys(("quality", "price", "cost", "ask", "claim"), "answer value, USD")


def unit(field: str) -> str:
    """In what the numbers of a field of an observation are counted."""
    return UNITS[field.rsplit(".", 1)[-1]]


def numbers_page() -> str:
    """What the numbers of a run mean, as its report says."""
    rows = [f"| {quantity.title} | {quantity.meaning} |" for quantity in QUANTITIES.values()]
    return "\n".join(["# Numbers of a run", "", "| number | what it means |", "|---|---|", *rows, ""])


def write_film(path: Path, mechanism: str) -> None:
    """Forty periods in which ever more of the play is that of an equilibrium."""
    rng = np.random.default_rng(0)
    env = VectorMarket(MARKET, mechanism, 1, dtype="float64", max_cycles=FRAMES)
    env.reset(seed=0)
    game = ttc_env.StageGame(env.market, find_mechanism(mechanism)())
    picture, target = MarketPicture(game.market, game.mechanism, FRAMES), game.equilibrium()
    actions, frames = game.actions[rng.integers(0, game.num_actions, len(target))], []
    for period in range(1, FRAMES + 1):
        chosen = rng.integers(0, len(target), 1 + period // 8)
        actions = actions.copy()
        actions[chosen] = target[chosen]
        outcome = game.mechanism.clear(game.market, game.mechanism.bids(game.market, actions[None]))
        frames.append(Image.fromarray(picture.frame(period, outcome)))
    first, *others = (frame.quantize(128, method=Image.Quantize.FASTOCTREE) for frame in frames)  # keeps the colours
    first.save(path, save_all=True, append_images=others, duration=200, loop=0, optimize=True)


def api_page(title: str, modules: tuple[str, ...]) -> str:
    """Docstrings of some modules; of a package, of what it exports."""
    blocks = [f"# {title}", ""]
    for name in modules:
        module = importlib.import_module(f"ttc_env.{name}")
        members = ", ".join(getattr(module, "__all__", ()))
        blocks += [
            f"## ttc_env.{name}",
            "",
            "```{eval-rst}",
            f".. automodule:: ttc_env.{name}",
            *([f"   :members: {members}"] if members else []),
            "```",
            "",
        ]
    return "\n".join(blocks)
