"""What stands on a report's page, as data, and the one HTML file it becomes: no network, nothing to install."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import jinja2
from markupsafe import Markup

from ttc_env.names import printable
from ttc_env.scripting.files import write_text

HERE = Path(__file__).resolve().parent
SCRIPTS = ("vega.min.js", "vega-lite.min.js", "vega-embed.min.js")
MOST_BYTES = 1_500_000
REPORT = "report.html"


@dataclass(frozen=True)
class Column:
    """A column of a table: its title, what it means in a sentence, and how a number is written after `factor`."""

    title: str
    meaning: str = ""
    style: str = "{:g}"
    factor: float = 1.0

    def text(self, value: Any) -> str:
        """A value as it is read: a number by `style`, `(value, low, high)` with its range, None as nothing."""
        if value is None:
            return ""
        if isinstance(value, Shown):
            return value.text
        if isinstance(value, tuple):
            middle, *ends = map(self.text, value)
            return f"{middle} [{', '.join(ends)}]" if ends and all(ends) and len(set(value)) > 1 else middle
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return printable(str(value), keep="")
        text = self.style.format(value if self.factor == 1 else self.factor * value)
        return text if text.strip("-0.%") else text.removeprefix("-")

    def key(self, value: Any) -> float | str:
        """What rows are sorted by: the number, or nothing where there is none."""
        value = value.key if isinstance(value, Shown) else value[0] if isinstance(value, tuple) else value
        return value if isinstance(value, (int, float)) and math.isfinite(value) else ""


@dataclass(frozen=True)
class Shown:
    """A value as it is read and what its row is sorted by, for columns whose rows have units of their own."""

    text: str
    key: float


@dataclass(frozen=True)
class Table:
    """Rows of values that a reader can sort by any column; the first column names the row."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    note: str = ""
    kind: ClassVar[str] = "table"

    def is_words(self, column: int) -> bool:
        """Whether a column holds words, which stand at the left, and no numbers."""
        return all(self.columns[column].key(row[column]) == "" for row in self.rows)

    @property
    def meanings(self) -> list[Column]:
        """The columns that say what they mean."""
        return [column for column in self.columns if column.meaning]


@dataclass(frozen=True)
class Choice:
    """A list to choose from above a chart, which sets a parameter of it: what is shown, by the value it stands for."""

    label: str
    parameter: str
    options: Sequence[str]


@dataclass(frozen=True)
class Chart:
    """A chart as a Vega-Lite specification, with the sentence that says what it shows."""

    title: str
    meaning: str
    spec: Mapping[str, Any]
    choice: Choice | None = None
    wide: bool = False
    kind: ClassVar[str] = "chart"

    @property
    def drawn(self) -> Markup:
        """The specification as JSON that may stand in HTML."""
        return in_html({"description": f"{self.title}. {self.meaning}", **self.spec})


@dataclass(frozen=True)
class Section:
    """A heading, a few words, and what follows them."""

    title: str
    text: str
    parts: Sequence[Table | Chart]

    @property
    def groups(self) -> Iterator[tuple[str, list[Any]]]:
        """Neighbours of one kind together, for charts stand side by side."""
        group: list[Any] = []
        for part in self.parts:
            if group and group[-1].kind != part.kind:
                yield group[-1].kind, group
                group = []
            group.append(part)
        if group:
            yield group[-1].kind, group


@dataclass(frozen=True)
class Page:
    """A report: what it is of, its message in a line or a few, and its sections."""

    title: str
    lead: Sequence[str]
    sections: Sequence[Section]


def write(path: Path, page: Page) -> None:
    """Write a page as one HTML file, all of it or nothing.

    Raises:
        ValueError: it would be larger than a report may be.
    """
    html = render(page)
    if (size := len(html.encode())) > MOST_BYTES:
        raise ValueError(f"{path} would have {size:,} bytes; a report has at most {MOST_BYTES:,}")
    write_text(path, html)


def render(page: Page) -> str:
    """The page as HTML. Whatever users named is text in it, and its policy lets it fetch nothing."""
    return _templates().get_template("page.html").render(page=page, scripts=[_script(name) for name in SCRIPTS])


def in_html(value: Any) -> Markup:
    """JSON that may stand in HTML: nothing in it ends the element, and what is not finite is null."""
    text = json.dumps(_finite(value), allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)  # escaped above


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    if isinstance(value, str):
        return printable(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


@cache
def _templates() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(HERE / "templates")
    return jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def library(name: str) -> bytes:
    """One of `SCRIPTS` as it was published."""
    return gzip.decompress((HERE / "vendor" / f"{name}.gz").read_bytes())


@cache
def _script(name: str) -> Markup:
    """A library as it may stand in a page, without the line that points to a file that is not there."""
    text = library(name).decode()
    return Markup("\n".join(line for line in text.splitlines() if not line.startswith("//# sourceMappingURL")))
