"""Nothing that is printed is interpreted, and what goes wrong is one line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from ttc_env.scripting.console import console, errors_in_one_line, fail, progress_bar, say

HOSTILE = [
    "[/dir]",
    "[bold]x",
    "[x]",
    "[link=http://a]b[/link]",
    ":smiley:",
    r"\[x]",
    "[red",
    "a\x1b[31mb",
    "\x07",
    "[@click=f]",
]
hostile = pytest.mark.parametrize("text", HOSTILE)


def shown(text):
    return text.replace("\x1b", r"\x1b").replace("\x07", r"\x07")


@hostile
def test_every_way_to_print_takes_text_as_it_stands(text, capsys):
    say("before ", (text, "bold"), text)
    console.print(text)
    fail(ValueError(text))
    table = Table(title=text)
    table.add_column(text)
    table.add_row(text)
    console.print(table)
    with progress_bar("{task.fields[last]}") as progress:
        progress.add_task(text, total=1, last=text)
    said = capsys.readouterr().out
    assert said.count(shown(text)) >= 9, said
    assert not {"\x1b", "\x07"} & set(said)


@given(st.text(max_size=30))
def test_any_error_is_one_line(text):
    with console.capture() as capture:
        fail(text)
    assert len(capture.get().splitlines()) == 1


def test_a_long_path_is_not_broken(capsys):
    path = "/a/b" * 100
    with pytest.raises(SystemExit, match="2"), errors_in_one_line():
        raise ValueError(path)
    assert capsys.readouterr().out == f"error: {path}\n"


@pytest.mark.parametrize("error", [ValueError("x"), OSError("x"), ZeroDivisionError("x")])
def test_errors_of_the_user_are_told_and_those_of_the_script_shown(error, capsys):
    with pytest.raises((SystemExit, ZeroDivisionError)) as left, errors_in_one_line():
        raise error
    assert isinstance(left.value, ZeroDivisionError) == isinstance(error, ZeroDivisionError)
