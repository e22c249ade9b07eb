"""Measured quality curves, and the markets they make.

A table is a CSV file with one row per benchmark, method, model and compute level. The package ships two (see
`ttc_env/data/README.md`); `load_market(path)` reads a table of your own. Beside a table that `curves/build.py` made
stands an `.npz` file of the same name: joint bootstrap draws, and outcomes question by question.
"""

from __future__ import annotations

import csv
import difflib
import io
import math
import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np

from ttc_env.checks import finite
from ttc_env.market import Market
from ttc_env.mixtures import Mixture
from ttc_env.outcomes import Outcomes

COLUMNS = ("benchmark", "method", "model", "theta", "accuracy", "tokens", "price_usd_per_mtok")
ANSWER_VALUE = {"gsm8k": 0.008, "gpqa": 0.02, "aime": 0.05, "nano": 0.008}  # USD; as published, nano nominal
TABLES = ("llm_curves.csv", "nano_curves.csv")  # of published models, and of the nano models of curves/nano.py
MIXED = ("gsm8k", "gpqa", "aime")  # benchmarks whose queries a mixed market holds
_DATA = Path(__file__).parent / "data"
BASELINE = 0.1
MARKUP = 0.25


@dataclass(frozen=True, eq=False)
class Curves:
    """Measured curves of one benchmark and method.

    `accuracy` (probability of a right answer) and `tokens` (mean generated tokens per query) have shape
    `(n, m)`; `usd_per_token` has shape `(n,)`.
    """

    name: str
    providers: tuple[str, ...]
    levels: tuple[float, ...]
    accuracy: np.ndarray
    tokens: np.ndarray
    usd_per_token: np.ndarray

    def market(
        self,
        *,
        beta: float = 1000.0,
        answer_value: float | None = None,
        baseline: float = BASELINE,
        markup: float = MARKUP,
        outside_value: float = 0.0,
    ) -> Market:
        """The market these curves make: `q = alpha (b + (1 - b) a)`, `p = tokens * price`, `c = p / (1 + markup)`.

        Raises:
            ValueError: `answer_value` is not given and no published one exists for this benchmark, or a
                parameter is out of range.
        """
        benchmark = self.name.split("/")[0]
        if answer_value is None:
            if benchmark not in ANSWER_VALUE:
                raise ValueError(
                    f"answer_value (USD a correct answer is worth) must be given for benchmark {benchmark!r}; "
                    f"published values exist only for {', '.join(ANSWER_VALUE)}"
                )
            answer_value = ANSWER_VALUE[benchmark]
        for parameter, value in (("answer_value", answer_value), ("baseline", baseline), ("markup", markup)):
            finite(parameter, value)
        if markup < 0:
            raise ValueError(f"markup must be >= 0, got {markup!r}")
        price = self.tokens * self.usd_per_token[:, None]
        return Market(
            providers=self.providers,
            levels=self.levels,
            quality=answer_value * (baseline + (1 - baseline) * self.accuracy),
            price=price,
            cost=price / (1 + markup),
            beta=beta,
            outside_value=outside_value,
            answer_value=answer_value,
            baseline=baseline,
            tokens=self.tokens,
        )


@overload
def load_market(  # type: ignore[overload-overlap]  # three names are mixtures, all others are markets
    source: Literal["mixed/majority_voting", "mixed/best_of_n", "mixed/reasoning_effort"], **parameters: Any
) -> Mixture: ...


@overload
def load_market(source: str | os.PathLike[str], *, questions: Literal[True], **parameters: Any) -> Mixture: ...


@overload
def load_market(
    source: str | os.PathLike[str],
    *,
    name: str | None = None,
    providers: Sequence[str | int] | None = None,
    beta: float = 1000.0,
    answer_value: float | None = None,
    baseline: float = BASELINE,
    markup: float = MARKUP,
    outside_value: float = 0.0,
    outcomes: bool = False,
) -> Market: ...


def load_market(  # type: ignore[misc]  # the two short signatures above stand for the same keywords
    source: str | os.PathLike[str],
    *,
    name: str | None = None,
    providers: Sequence[str | int] | None = None,
    beta: float = 1000.0,
    answer_value: float | None = None,
    baseline: float = BASELINE,
    markup: float = MARKUP,
    outside_value: float = 0.0,
    outcomes: bool = False,
    questions: bool = False,
    weights: Sequence[float] | None = None,
) -> Market | Mixture:
    """A market from measured curves, or a mixture of them.

    Args:
        source: one of `list_markets()`, or the path of a CSV file with the columns `COLUMNS`; or one of
            `list_mixtures()`: queries of gsm8k, gpqa and aime, each with its own answer value.
        name: `"benchmark/method"` within a CSV file that holds several.
        providers: keep only these, by name or index.
        beta: user rationality, 1/USD.
        answer_value: USD a correct answer is worth; published values by default.
        baseline: fraction of `answer_value` that a wrong answer is worth.
        markup: `price / cost - 1`.
        outside_value: value of not buying, USD.
        outcomes: let the market carry the recorded outcomes, question by question, which sampled demand then replays.
            Its tables are their means, which the CSV file shows to six digits.
        questions: return a mixture in which every recorded question is a query type, all equally likely.
        weights: of the query types of a mixture, equal by default.

    Raises:
        ValueError: unknown market or provider, malformed table (naming file, row and fault), bad parameter, or no
            outcomes where they are asked for.
        FileNotFoundError: `source` is a path to nothing.
    """
    parameters: dict[str, Any] = {"beta": beta, "answer_value": answer_value, "baseline": baseline, "markup": markup}
    parameters["outside_value"] = outside_value
    market: Market | Mixture
    if questions or source in list_mixtures():
        if outcomes:
            raise ValueError("outcomes=True replays the questions of one market; a mixture draws its types instead")
        curves = _recorded_questions(source, name) if questions else _benchmarks(source)
        label = "recorded questions" if questions else f"queries of {', '.join(MIXED)}"
        market = Mixture([one.market(**parameters) for one in curves], weights, label)
    elif weights is not None:
        raise ValueError(f"weights belong to the types of a mixture, got {weights!r} for {os.fspath(source)}")
    else:
        market = _market(source, name, outcomes, parameters)
    return market if providers is None else market.select(providers)


def _market(source: str | os.PathLike[str], name: str | None, outcomes: bool, parameters: dict[str, Any]) -> Market:
    curves, recorded = load_curves(source, name=name), None
    if outcomes:
        accuracy, tokens = load_outcomes(source, name=name)
        mean = tokens.mean(-1)
        recorded = Outcomes(accuracy, tokens / mean[..., None])
        curves = replace(curves, accuracy=accuracy.mean(-1), tokens=mean)
    return replace(curves.market(**parameters), outcomes=recorded)


def _recorded_questions(source: str | os.PathLike[str], name: str | None) -> list[Curves]:
    """The curves of each recorded question."""
    if source in list_mixtures():
        raise ValueError(f"{source!r} has no recorded questions; they stand beside the table of one benchmark")
    curves = load_curves(source, name=name)
    accuracy, tokens = (np.moveaxis(values, -1, 0) for values in load_outcomes(source, name=name))
    return [replace(curves, accuracy=one, tokens=other) for one, other in zip(accuracy, tokens, strict=True)]


def _benchmarks(mixture: Any) -> list[Curves]:
    """The curves of each benchmark in a mixture by name."""
    return [load_curves(f"{benchmark}/{mixture.split('/')[1]}") for benchmark in MIXED]


def load_draws(source: str | os.PathLike[str], *, name: str | None = None, **parameters: float) -> list[Market]:
    """The same market with accuracies and tokens from each joint bootstrap draw over questions.

    All models and levels of a draw share their luck with the questions, so differences between them keep their true
    noise: `equilibrium.interval(statistic, load_draws("nano/best_of_n"))`.

    Args:
        source: as in `load_market`; a table that has an `.npz` file beside it.
        name: as in `load_market`.
        parameters: keywords of `Curves.market`.

    Raises:
        ValueError: nothing stands beside the table, or what does is of another shape.
    """
    curves = load_curves(source, name=name)
    accuracy, tokens = _beside(source, curves, "draws", curves.accuracy.shape)
    return [
        replace(curves, accuracy=one, tokens=other).market(**parameters)
        for one, other in zip(accuracy, tokens, strict=True)
    ]


def load_outcomes(source: str | os.PathLike[str], *, name: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Probability of a right answer and mean tokens of every model and level on every question, each `(n, m, Q)`.

    Their means over questions are the curves. Arguments and errors as in `load_draws`.
    """
    curves = load_curves(source, name=name)
    accuracy, tokens = (
        np.moveaxis(values, 0, -1) for values in _beside(source, curves, "questions", curves.accuracy.shape)
    )
    return accuracy, tokens


def _beside(
    source: str | os.PathLike[str], curves: Curves, kind: str, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Accuracy and tokens, `(kind, n, m)`, from the `.npz` file beside a table."""
    shipped = (_DATA / file for file in TABLES if curves.name in read_curves(_DATA / file))
    path = (Path(source).expanduser() if _is_path(source) else next(shipped)).with_suffix(".npz")
    if not path.is_file():
        what = {"draws": "draws", "questions": "recorded outcomes"}[kind]
        raise ValueError(f"{curves.name} has no {what} beside its table: {path} does not exist")
    method = curves.name.split("/")[1]
    try:
        with np.load(path, allow_pickle=False) as file:
            found = [file[f"{method}.{quantity}.{kind}"].astype(float) for quantity in ("accuracy", "tokens")]
    except (KeyError, ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path}: {kind} of {curves.name} cannot be read; build the table again ({error})") from None
    if any(values.shape[1:] != shape for values in found):
        raise ValueError(f"{path}: {kind} of {curves.name} have shape {found[0].shape}, its table {shape}")
    return found[0], found[1]


def list_markets() -> list[str]:
    """Names of the measured markets that come with the package."""
    return list(_shipped())


def list_mixtures() -> list[str]:
    """Names of the mixtures of these: the same providers on queries of several benchmarks."""
    return [f"mixed/{name.split('/')[1]}" for name in _shipped() if name.startswith(f"{MIXED[0]}/")]


def load_curves(source: str | os.PathLike[str], *, name: str | None = None) -> Curves:
    """Measured curves by name, or from a CSV file; see `load_market`."""
    if not _is_path(source):
        assert isinstance(source, str)
        return _pick(_shipped(), source, "market")
    tables = read_curves(source)
    if name is None and len(tables) > 1:
        raise ValueError(f"{os.fspath(source)} holds several tables; pass name= one of {', '.join(tables)}")
    return _pick(tables, next(iter(tables)) if name is None else name, f"table of {os.fspath(source)}")


def _is_path(source: str | os.PathLike[str]) -> bool:
    """Whether this is a path: names of markets have no ending, no `~` and no dot at the beginning."""
    if not isinstance(source, str):
        return True
    path = Path(source)
    return source not in _shipped() and (
        source[:1] in ("~", ".") or path.suffix != "" or path.is_absolute() or path.is_file()
    )


def _pick(tables: dict[str, Curves], name: str, kind: str) -> Curves:
    if name not in tables:
        close = difflib.get_close_matches(name, tables, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise ValueError(f"unknown {kind} {name!r}{hint}; allowed: {', '.join(tables)}")
    return tables[name]


@cache
def _shipped() -> dict[str, Curves]:
    return {name: table for file in TABLES for name, table in read_curves(_DATA / file).items()}


def read_curves(path: str | os.PathLike[str]) -> dict[str, Curves]:
    """All tables of a CSV file, by `"benchmark/method"`, in order of appearance.

    Raises:
        ValueError: the first fault found, with file and row (the header is row 1).
    """
    path = os.path.expanduser(os.fspath(path))
    cells: dict[str, dict[str, dict[float, tuple[float, float, float, int]]]] = {}
    for row, record in _records(path):
        benchmark, method, model = (_text(path, row, record, key) for key in COLUMNS[:3])
        if "/" in benchmark + method:
            raise ValueError(
                f"{path}, row {row}: a benchmark or method must not contain '/', got {benchmark!r}, {method!r}"
            )
        theta = _number(path, row, record, "theta", low=0)
        point = (
            _number(path, row, record, "accuracy", low=0, high=1),
            _number(path, row, record, "tokens", low=0),
            _number(path, row, record, "price_usd_per_mtok", low=0),
            row,
        )
        curve = cells.setdefault(f"{benchmark}/{method}", {}).setdefault(model, {})
        if theta in curve:
            raise ValueError(f"{path}, row {row}: duplicate of row {curve[theta][3]} ({model}, theta {theta:g})")
        curve[theta] = point
    if not cells:
        raise ValueError(f"{path}, row 2: the table is empty")
    return {name: _curves(path, name, models) for name, models in cells.items()}


def _records(path: str) -> Iterator[tuple[int, dict[str, str | None]]]:
    """Number and cells of each row below the header."""
    lines = csv.reader(io.StringIO(_read_text(path), newline=""))
    try:
        header = next(lines, [])
        _check_header(path, header)
        for line in lines:
            if len(line) > len(header):
                raise ValueError(
                    f"{path}, row {lines.line_num}: {len(line)} cells under {len(header)} columns; quote commas"
                )
            if line:
                yield lines.line_num, dict(zip_longest(header, line))
    except csv.Error as error:
        raise ValueError(f"{path}, row {lines.line_num}: {error}") from None


def _check_header(path: str, header: list[str]) -> None:
    missing = [column for column in COLUMNS if column not in header]
    repeated = [column for column in COLUMNS if header.count(column) > 1]
    if repeated:
        raise ValueError(f"{path}, row 1: repeated column {', '.join(repeated)}")
    if missing:
        other = next((mark for mark in ";\t|" if set(COLUMNS) <= set("".join(header).split(mark))), None)
        known = (
            f"columns are separated by {other!r} here, and must be by ','"
            if other
            else f"missing column {', '.join(missing)}"
        )
        raise ValueError(f"{path}, row 1: {known}; needed: {', '.join(COLUMNS)}")


def _read_text(path: str) -> str:
    data = Path(path).read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path}, row {row}: not UTF-8 text") from None


def _curves(path: str, name: str, models: dict[str, dict[float, tuple[float, float, float, int]]]) -> Curves:
    grid = sorted(next(iter(models.values())))
    for model, curve in models.items():
        row = max(point[3] for point in curve.values())
        if sorted(curve) != grid:
            raise ValueError(
                f"{path}, row {row}: unequal level grids in {name}: {model} has theta {sorted(curve)}, "
                f"{next(iter(models))} has {grid}"
            )
        if len({point[2] for point in curve.values()}) > 1:
            raise ValueError(f"{path}, row {row}: {model} in {name} has more than one price_usd_per_mtok")
    points = np.array([[models[model][theta][:3] for theta in grid] for model in models])
    levels = tuple(int(theta) if theta.is_integer() else theta for theta in grid)
    return Curves(name, tuple(models), levels, points[..., 0], points[..., 1], points[:, 0, 2] * 1e-6)


def _text(path: str, row: int, record: dict[str, str | None], column: str) -> str:
    value = (record[column] or "").strip()
    if not value:
        raise ValueError(f"{path}, row {row}: {column} is empty")
    return value


def _number(
    path: str, row: int, record: dict[str, str | None], column: str, *, low: float, high: float = math.inf
) -> float:
    text = _text(path, row, record, column)
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{path}, row {row}: {column} is not a number: {text!r}") from None
    if not (math.isfinite(value) and low <= value <= high):
        allowed = f"in [{low:g}, {high:g}]" if math.isfinite(high) else f">= {low:g}"
        raise ValueError(f"{path}, row {row}: {column} must be finite and {allowed}, got {text}")
    return value
