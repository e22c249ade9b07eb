"""The description of the shipped data for machines: complete, of today, and valid."""

import csv

import pytest

from curves import croissant

SHIPPED = croissant.DATA / "croissant.json"


def test_it_is_made_of_the_datasheet_and_the_files_of_today():
    assert SHIPPED.read_text(encoding="utf-8") == croissant.text(), "run python curves/croissant.py"


def test_it_names_all_measured_and_recorded_files():
    others = {"README.md", SHIPPED.name}
    assert {path.name for path in croissant.DATA.iterdir() if path.is_file()} - others == set(croissant.FILES)


def test_a_table_has_a_row_for_every_model_at_every_level():
    for file in ("llm_curves.csv", "nano_curves.csv"):
        with open(croissant.DATA / file, newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        keys = {tuple(row[name] for name in croissant.KEY) for row in rows}
        assert len(keys) == len(rows)
        for market in {key[:2] for key in keys}:
            models, levels = ({key[i] for key in keys if key[:2] == market} for i in (2, 3))
            assert sum(key[:2] == market for key in keys) == len(models) * len(levels)


def test_a_column_that_the_page_does_not_explain_is_refused():
    with pytest.raises(KeyError, match="model"):
        croissant.record_set("llm_curves.csv", {"benchmark": "", "method": ""})


@pytest.mark.long
def test_the_library_of_the_format_finds_it_valid_and_reads_the_tables_by_it():
    mlcroissant = pytest.importorskip("mlcroissant", reason="mlcroissant, which validates, is not installed")
    dataset = mlcroissant.Dataset(SHIPPED)
    issues = dataset.metadata.ctx.issues
    assert not issues.errors
    assert [warning for warning in issues.warnings if "datePublished" not in warning] == []
    said = dataset.metadata.to_json()
    assert set(croissant.PARAGRAPHS) <= set(said)
    for name in ("llm_curves", "nano_curves"):
        with open(croissant.DATA / f"{name}.csv", newline="", encoding="utf-8") as lines:
            expected = list(csv.DictReader(lines))
        read = list(dataset.records(name))
        assert len(read) == len(expected)
        for one, row in zip(read, expected, strict=True):
            for column, value in row.items():
                found = one[f"{name}/{column}"]
                assert found.decode() == value if column in croissant.TEXTS else found == float(value)
