"""Reports: one file that needs nothing from outside, small, and what users named is text in it."""

import hashlib
import json
import re

import pytest

from tests.helpers.reports import HOSTILE, write_run
from tests.helpers.scripts import ROOT, run_here
from train.report import command_line
from train.reporting.kinds import write_report
from train.reporting.page import (
    MOST_BYTES,
    SCRIPTS,
    Chart,
    Column,
    Page,
    Section,
    Shown,
    Table,
    in_html,
    library,
    render,
    write,
)
from train.reporting.runs import read_run, thinned

VENDOR = ROOT / "train" / "reporting" / "vendor"


def test_the_libraries_in_a_page_are_those_that_were_published():
    listed = dict(reversed(line.split()) for line in (VENDOR / "SHA256SUMS").read_text().splitlines())
    assert set(listed) == set(SCRIPTS)
    assert {name: hashlib.sha256(library(name)).hexdigest() for name in SCRIPTS} == listed


def test_a_run_has_a_report_and_several_stand_side_by_side(tmp_path):
    one, several = write_run(tmp_path / "one", seeds=1), write_run(tmp_path / "several", seeds=3)
    done = run_here(command_line, tmp_path, one)
    assert done.returncode == 0
    html = (one / "report.html").read_text(encoding="utf-8")
    assert len(html.encode()) < MOST_BYTES
    assert run_here(command_line, tmp_path, "one", "several").returncode == 0
    both = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "one: learned" in both
    assert "several: learned" in both
    assert run_here(command_line, tmp_path, several, "--out", tmp_path / "a" / "b.html").returncode == 0
    assert "Every seed" in (tmp_path / "a" / "b.html").read_text(encoding="utf-8")


def test_equal_runs_have_equal_reports(tmp_path):
    pages = [write_report([write_run(tmp_path / place / "it", seeds=2)]).read_bytes() for place in "ab"]
    assert pages[0] == pages[1]


def test_names_are_text_and_nothing_is_fetched(tmp_path):
    html = write_report([write_run(tmp_path / "<b>it", seeds=1)]).read_text(encoding="utf-8")
    page = re.sub(r"<script>.*?</script>", "", html, flags=re.S)  # without the libraries
    assert not re.search(r"<(b|img|script)>|<img", page)
    assert "&lt;script&gt;" in page
    assert not re.search(r"""(src|href)="(?!#|data:)""", page)
    assert "default-src 'none'" in page
    for spec in re.findall(r'class="spec">(.*?)</script>', html, flags=re.S):
        assert "<" not in spec
        json.loads(spec, parse_constant=pytest.fail)


def test_figures_of_several_seeds_are_their_mean_and_range(tmp_path):
    run = read_run(write_run(tmp_path / "it", seeds=3))
    values = [member.summary["welfare"] for member in run.members]
    assert run.learned("welfare") == (sum(values) / 3, min(values), max(values))
    steps, middle, low, high = list(run.course("welfare"))[-1]
    assert (steps, low, high) == (200, min(values), max(values))
    assert middle == sorted(values)[1]
    assert run.learned("no such number") is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "which run"),
        (["nowhere"], "nowhere is no folder of a run"),
        (["."], "has none of config.json"),
        (["unfinished"], "has no summary.json yet"),
    ],
)
def test_what_is_no_run_is_refused(tmp_path, words, said):
    unfinished = write_run(tmp_path / "unfinished", seeds=1)
    (unfinished / "summary.json").unlink()
    done = run_here(command_line, tmp_path, *words)
    assert done.returncode != 0
    assert said in " ".join(done.said.split())
    assert not list(tmp_path.rglob("report.html"))


def test_cells_are_read_and_sorted_by_what_they_are():
    column = Column("x", style="{:.1f}", factor=10)
    assert [column.text(v) for v in (1.0, (1.0, 0.5, 2.0), (1.0, 1.0, 1.0), (1.0, None, None), None, -0.001)] == [
        "10.0", "10.0 [5.0, 20.0]", "10.0", "10.0", "", "0.0",
    ]  # fmt: skip
    assert [column.key(v) for v in (1.0, (2.0, 0, 3), None, float("inf"), "a", Shown("3 %", 0.03))] == [
        1.0, 2.0, "", "", "", 0.03,
    ]  # fmt: skip
    assert column.text("a\x1b[31m") == "a\\x1b[31m"


def test_json_in_a_page_ends_nothing_and_has_no_number_that_is_none():
    text = in_html({"a": "</script><!--&", "b": [float("inf"), float("nan"), 1.5]})
    assert json.loads(text) == {"a": "</script><!--&", "b": [None, None, 1.5]}
    assert not set("<>&") & set(text)


def test_a_page_too_large_is_refused_and_not_written(tmp_path):
    chart = Chart("a", "b", {"data": {"values": ["x" * MOST_BYTES]}})
    with pytest.raises(ValueError, match="at most 1,500,000"):
        write(tmp_path / "it.html", Page("t", ["l"], [Section("s", "", [chart])]))
    assert not list(tmp_path.iterdir())


def test_tables_without_rows_and_parts_in_their_order():
    table = Table("nothing", [Column("a", "what it is")], [])
    chart = Chart("c", "d", {})
    section = Section("s", "", [chart, chart, table, chart])
    assert [(kind, len(parts)) for kind, parts in section.groups] == [("chart", 2), ("table", 1), ("chart", 1)]
    assert "what it is" in render(Page("t", ["l"], [section]))


def test_long_curves_keep_their_ends():
    assert thinned(list(range(1000)), 10)[::9] == [0, 999]
    assert thinned([1, 2], 10) == [1, 2]
    assert len(HOSTILE) == len(set(HOSTILE))
