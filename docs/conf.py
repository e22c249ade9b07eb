"""The documentation site, `make docs`: the Markdown of this folder, and generated pages of environments and API."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import generate
from explorer.build import build

from ttc_env import __version__

project, release, version = "ttc_env", __version__, __version__
author = copyright = "The ttc_env authors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
exclude_patterns = ["_build"]
default_role = "code"  # docstrings mark code by single backticks, as Markdown does
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_default_options = {"members": True}
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header", "ref.python"]  # two rooms may have a class of one name
html_theme = "furo"
pygments_dark_style = "github-dark"
html_title = "ttc_env"
html_static_path: list[str] = []
html_copy_source = False
html_extra_path = ["generated/extra"]


def fields_as_list(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Show the fields that the docstring of a record lists, `name: meaning`, as a list."""
    if what == "class":
        lines[:] = [re.sub(r"^([a-z]\w*(, \w+)*): ", r":\1: ", line) for line in lines]


def skip_numbered_fields(app: Any, what: str, name: str, thing: Any, skip: bool, options: Any) -> bool | None:
    """Leave out what Python says of each field of a record, its number; what the record says of them is shown."""
    return True if (getattr(thing, "__doc__", None) or "").startswith("Alias for field number") else None


def setup(app: Any) -> None:
    """Write the generated pages before Sphinx reads the folder."""
    generate.write_pages(HERE / "generated")
    build(HERE / "generated" / "extra" / "explorer")
    app.connect("autodoc-process-docstring", fields_as_list)
    app.connect("autodoc-skip-member", skip_numbered_fields)
