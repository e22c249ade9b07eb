"""Names in tables and figures: readable however long, and nothing in them interpreted."""

import warnings

import matplotlib.pyplot as plt
import pytest

from train.comparison.tables import _in_markdown
from train.console_tables import print_provider_table
from train.style import STYLE, label, provider_labels, save
from ttc_env import Market

HOSTILE = ["a/" + "x" * 120, "b/" + "x" * 120, "$x_1$", "模型/千问", "[red]y", "_hidden", "c\x1b[31m", "<b>z</b>"]


def test_figures_set_names_as_they_stand_and_draw_every_letter(tmp_path):
    labels = provider_labels(HOSTILE)
    assert len(set(labels)) == len(HOSTILE)
    with warnings.catch_warnings(), plt.rc_context(STYLE):
        warnings.simplefilter("error")  # a glyph that is missing is a warning
        figure, axes = plt.subplots()
        axes.set_yticks(range(len(labels)), labels)
        axes.set_title(label(HOSTILE[2]))
        axes.plot([0, 1], label=label("_hidden"))
        legend = axes.legend()
        save(figure, tmp_path / "it.png")
    assert [text.get_text() for text in legend.get_texts()] == [" _hidden"]
    drawn = [tick._preprocess_math(tick.get_text()) for tick in axes.get_yticklabels()]
    assert not any(math for _, math in drawn)
    assert drawn[2][0] == "$x_1$"
    assert max(len(name) for name in labels) < 30


def test_long_names_leave_room_for_the_numbers(capsys):
    n = len(HOSTILE)
    market = Market(HOSTILE, [1], [[1.0]] * n, [[0.5]] * n, [[0.25]] * n, beta=1.0)
    summary = {"levels": [0] * n, "nash_levels": [0] * n}
    summary |= {key: [0.125] * n for key in ("shares", "nash_shares")}
    summary |= {key: [0.0125] * n for key in ("profits", "nash_profits")}
    print_provider_table(market, summary)
    said = capsys.readouterr().out
    assert said.count("12.5%") == 2 * n
    assert said.count("12.5000") == 2 * n
    assert "[red]y" in said
    assert "\x1b" not in said


@pytest.mark.parametrize("name", ["<script>", "a|b", "[x](http://y)", "*z*", "`c`", "line\nbreak"])
def test_nothing_in_a_cell_of_markdown_is_interpreted(name):
    cell = _in_markdown(name)
    assert "\n" not in cell
    for sign in "<>|[]*`":
        assert cell.count(sign) == cell.count("\\" + sign)
