"""Pages that begin with a table are tested in a folder in which that table is."""

import re

import pytest


@pytest.fixture(autouse=True)
def table_of_the_page(request, tmp_path, monkeypatch):
    """The table of docs/own_market.md, as `own.csv` in the folder in which its examples run."""
    if request.path.name == "own_market.md":
        table = re.search(r"```text\n(benchmark,.*?)```", request.path.read_text(encoding="utf-8"), re.DOTALL)[1]
        (tmp_path / "own.csv").write_text(table, encoding="utf-8")
        monkeypatch.chdir(tmp_path)
