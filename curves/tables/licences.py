"""Which tables may be passed on."""

from __future__ import annotations

from collections.abc import Sequence

from curves.records.runs import Run

FREE = ("MIT", "APACHE-2.0", "BSD-2-CLAUSE", "BSD-3-CLAUSE", "CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "ODC-BY-1.0")


def check_redistributable(runs: Sequence[Run]) -> None:
    """Refuse to call a table free to pass on that holds data of others under another licence, or none that is stated.

    Raises:
        ValueError: naming the model and the licence.
    """
    for run in runs:
        for origin in run.metadata.get("levels", {"": run.metadata}).values():
            licence = origin.get("licence") or "no licence that was stated"
            if "file" in origin and str(licence).upper().replace(" ", "-") not in FREE:
                raise ValueError(
                    f"{run.model}: {licence} does not allow to pass the table on; these do: {', '.join(FREE)}"
                )
