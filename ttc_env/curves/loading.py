"""Markets and mixtures from measured curves."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, overload

import numpy as np

from ttc_env.curves.beside import recorded_curves
from ttc_env.curves.measured import BASELINE, Curves
from ttc_env.curves.shipped import MIXED, is_path, list_mixtures, load_curves
from ttc_env.market import Market
from ttc_env.mixtures import Mixture
from ttc_env.outcomes import Outcomes


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
    markup: float | Sequence[float] | None = None,
    outside_value: float = 0.0,
    costs: str | None = None,
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
    markup: float | Sequence[float] | None = None,
    outside_value: float = 0.0,
    costs: str | None = None,
    outcomes: bool = False,
    questions: bool = False,
    weights: Sequence[float] | None = None,
) -> Market | Mixture:
    """A market from measured curves, or a mixture of them.

    Args:
        source: one of `list_markets()`, or the path of a CSV file with the columns `COLUMNS`, and `AMOUNTS` and
            `TARIFF` where more than generated tokens is billed; or one of `list_mixtures()`: queries of gsm8k, gpqa
            and aime, each with its own answer value.
        name: `"benchmark/method"` within a CSV file that holds several.
        providers: keep only these, by index, by name, or by a part of the name that no other has.
        beta: user rationality, 1/USD.
        answer_value: USD a correct answer is worth; published values by default.
        baseline: fraction of `answer_value` that a wrong answer is worth.
        markup: `price / cost - 1`, by default 0.25; or one for each of the providers, in their order.
        outside_value: value of not buying, USD.
        costs: what providers pay: `"markup"`, by price and mark-up; `"table"`, by the column `cost_usd_per_mtok`, which
            may be above the price; `"measured"`, by `measured_usd_per_mtok`, which `curves/build.py` writes. By default
            as the table says where it has costs and no mark-up is given, otherwise by price and mark-up.
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
    parameters |= {"outside_value": outside_value, "costs": costs}
    if questions or (not is_path(source) and source in list_mixtures()):
        if outcomes:
            raise ValueError("outcomes are replayed, the questions of one market; a mixture draws its types instead")
        curves = _recorded_questions(source, name) if questions else _benchmarks(source, name)
        label = "recorded questions" if questions else f"queries of {', '.join(MIXED)}"
        chosen = curves if providers is None else [one.select(providers) for one in curves]
        return Mixture([one.market(**parameters) for one in chosen], weights, label)
    if weights is not None:
        raise ValueError(f"weights belong to the types of a mixture, got {weights!r} for {os.fspath(source)}")
    return _market(source, name, providers, outcomes, parameters)


def _market(source: Any, name: str | None, providers: Any, outcomes: bool, parameters: dict[str, Any]) -> Market:
    curves, recorded = load_curves(source, name=name), None
    if outcomes:
        curves, recorded = _replayed(recorded_curves(source, "questions", name=name))
        if curves.surcharge is not None and curves.costs_by(parameters["markup"], parameters["costs"]) != "markup":
            raise ValueError(
                f"outcomes of {curves.name} are replayed with its bills, so costs must follow them: costs='markup'"
            )
    if providers is not None:
        everybody, curves = curves.providers, curves.select(providers)
        recorded = recorded and recorded.select([everybody.index(one) for one in curves.providers])
    return replace(curves.market(**parameters), outcomes=recorded)


def _replayed(questions: list[Curves]) -> tuple[Curves, Outcomes]:
    """The mean curves of some questions, and how each question differs from them in accuracy and bill."""

    def over(values: Sequence[np.ndarray]) -> np.ndarray:
        return np.moveaxis(np.array(values), 0, -1)

    accuracy, tokens = over([one.accuracy for one in questions]), over([one.tokens for one in questions])
    mean = replace(questions[0], accuracy=accuracy.mean(-1), tokens=tokens.mean(-1))
    if mean.surcharge is None:  # one price: bills are as tokens are, also where they cost nothing
        return mean, Outcomes(accuracy, tokens / mean.tokens[..., None])
    read = [one.surcharge for one in questions if one.surcharge is not None]
    surcharge = replace(
        read[0],
        input_tokens=over([one.input_tokens for one in read]).mean(-1),
        cached_tokens=over([one.cached_tokens for one in read]).mean(-1),
    )
    mean, bill = replace(mean, surcharge=surcharge), over([one.bill for one in questions])
    average = bill.mean(-1, keepdims=True)
    return mean, Outcomes(accuracy, np.divide(bill, average, out=np.ones_like(bill), where=average > 0))


def _recorded_questions(source: str | os.PathLike[str], name: str | None) -> list[Curves]:
    """The curves of each recorded question."""
    if source in list_mixtures():
        raise ValueError(f"{source!r} has no recorded questions; they stand beside the table of one benchmark")
    return recorded_curves(source, "questions", name=name)


def _benchmarks(mixture: Any, name: str | None) -> list[Curves]:
    """The curves of each benchmark in a mixture by name."""
    if name is not None:
        raise ValueError(f"name is one of the tables of a CSV file, got {name!r} for {mixture}")
    return [load_curves(f"{benchmark}/{mixture.split('/')[1]}") for benchmark in MIXED]
