"""Names as they are printed: short, no two the same, nothing in them obeyed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ttc_env
from ttc_env.names import WIDTH, columns, find_provider, printable, short_names

LONG = "an-organisation/" + "x" * 120


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["meta-llama/Meta-Llama-3-8B-Instruct", "a/DeepSeek-R1-Distill-Qwen-7B"], ["Llama-3-8B", "R1-Qwen-7B"]),
        (["one/model", "two/model"], ["one/model", "two/model"]),
        (["Qwen/Q", "Qwen/Q-Instruct"], ["Qwen/Q", "Q-Instruct"]),
        (["a/b", "Meta-b", "b"], ["a/b", "Meta-b", "b"]),
        ([LONG], ["x" * 13 + "…xxxxxx"]),
        (["x" * 50 + "a" + "y" * 9, "x" * 50 + "b" + "y" * 9], ["x" * 11 + "…yyyyy #0", "x" * 11 + "…yyyyy #1"]),
        (["", "/"], ["?", "/"]),
        (["模型" * 20], ["模型" * 3 + "…型模型"]),
        (["a\x1b[31mred", "b\n\tc", "d\u202ee"], [r"a\x1b[31mred", r"b\n\tc", r"d\u202ee"]),
    ],
)  # fmt: skip
def test_names_are_short_and_unambiguous(names, short):
    found = short_names(names)
    assert found == short
    assert len(set(found)) == len(names)
    assert all(columns(name) <= WIDTH for name in found)


@given(st.lists(st.text(max_size=200), min_size=1, max_size=8, unique=True))
def test_any_names_stay_apart_short_and_harmless(names):
    found = short_names(names)
    assert len(set(found)) == len(names)
    assert all(columns(name) <= WIDTH and name.isprintable() for name in found)


@given(st.lists(st.sampled_from("ab/-x"), min_size=1).map("".join), st.integers(2, 6))
def test_names_that_differ_in_their_middle_alone_stay_apart(name, count):
    names = [f"{name * 30}{k}{name * 30}" for k in range(count)]
    assert len(set(short_names(names))) == count


@pytest.mark.parametrize("name", ttc_env.list_markets())
def test_the_names_of_the_published_markets_are_told_apart_without_a_number(name):
    found = short_names(ttc_env.load_market(name).providers)
    assert all("#" not in short and "…" not in short and "/" not in short for short in found)


def test_what_cannot_be_seen_is_shown():
    assert printable("a\x1b]0;title\x07b\u200bc\ud800\n") == "a\\x1b]0;title\\x07b\\u200bc\\ud800\n"


@pytest.mark.parametrize("market", ttc_env.list_markets())
def test_names_as_they_are_printed_are_taken(market):
    names = ttc_env.load_market(market).providers
    for forms in (short_names(names), names, [str(i) for i in range(len(names))], range(len(names))):
        assert [find_provider(form, names) for form in forms] == list(range(len(names)))


def test_a_part_names_whoever_alone_has_it():
    names = ["org/Large-7B", "org/Small-1B", "other/Small-7B"]
    assert find_provider("large", names) == 0
    assert find_provider("other", names) == 2
    with pytest.raises(ValueError, match=r"'7B' may be any of org/Large-7B, other/Small-7B$"):
        find_provider("7B", names)
    with pytest.raises(ValueError, match=r"unknown provider 'Lrge-7B' .did you mean Large-7B"):
        find_provider("Lrge-7B", names)
    with pytest.raises(ValueError, match=r"unknown provider ' '; allowed: an index 0\.\.2 or one of"):
        find_provider(" ", names)
    assert find_provider("1", ["a1", "b1", "1"]) == 2  # a name before an index
