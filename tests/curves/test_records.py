"""Every field of a record, from samples of known parts: an engine that says what it is told to, a letter a token."""

import hashlib

from curves.engines import Batch, Sample, Sampling
from curves.sampling.plan import Plan, records, sample_questions
from curves.tasks import Question, Task
from curves.tasks.prompts import Prompt


class Letters:
    """A tokenizer: a token is the code of a letter."""

    def encode(self, text, **options):
        return [ord(letter) for letter in text]

    def decode(self, tokens):
        return "".join(map(chr, tokens))


class Parrot:
    """An engine that answers with given texts, and remembers what it was asked."""

    tokenizer = Letters()

    def __init__(self, *texts):
        self.texts, self.asked = list(texts), []

    def generate(self, requests, sampling):
        self.asked.append(list(requests))
        samples = [[self._sample() for _ in range(request.n)] for request in requests]
        return Batch(samples, None, None)

    def _sample(self):
        text, finish = self.texts.pop(0)
        return Sample(tuple(map(ord, text)), finish, -0.5 * len(text))


PROMPT = Prompt(template="{question}=", chat=False, thinking_end="</t>", force="</t>#### ")
QUESTION = Question("a", "3+4", "7")
TASK = Task("sums", "number", (QUESTION,), "here", "none")


def measured(*texts, budgets=(), samples=1):
    engine, plan = Parrot(*texts), Plan(samples, 20, budgets, 3, seed=100)
    found, _, _ = sample_questions(engine, PROMPT, plan, Sampling(), [(2, QUESTION)])
    return engine, records(TASK, QUESTION, PROMPT, plan, found[0], keep_text=True)


def test_a_forced_answer_costs_its_thinking_too():
    """The model thinks ten letters; cut at four of them and made to answer, it says ` 7` and an end."""
    engine, (whole, cut) = measured(("abcdefghij</t>#### 7", "stop"), (" 7.", "stop"), budgets=(4,))
    assert (whole["thinking_tokens"], whole["tokens"], whole["budget"]) == (14, 20, None)
    assert (cut["thinking_tokens"], cut["tokens"], cut["budget"]) == (4, 4 + 3, 4)
    assert cut["text"] == "abcd</t>####  7."
    assert cut["text_sha256"] == hashlib.sha256(b"abcd</t>####  7.").hexdigest()
    assert (cut["answer"], cut["correct"], cut["finish"], cut["logprob"]) == ("7", True, "stop", -1.5)
    (request,) = engine.asked[1]
    assert engine.tokenizer.decode(request.prompt) == "3+4=abcd</t>#### "
    assert (request.n, request.max_tokens) == (1, 3)
    assert (whole["seed"], cut["seed"]) == (100 + 2 * 2, 100 + 2 * 2 + 1)


def test_thinking_within_its_budget_is_kept_with_what_it_cost():
    engine, (whole, kept) = measured(("ab</t>#### 7", "stop"), budgets=(6,))
    assert kept == whole | {"budget": 6}
    assert len(engine.asked) == 1


def test_what_is_cut_off_is_wrong_whatever_it_says():
    _, (right, cut, forced, _) = measured(
        ("ab</t>#### 7", "stop"),
        ("ab</t>#### 7", "length"),
        ("#### 7", "length"),
        ("", "stop"),
        budgets=(3,),
        samples=2,
    )
    assert (right["correct"], right["correct_strict"], right["sample"]) == (True, True, 0)
    assert (cut["correct"], cut["correct_strict"], cut["finish"], cut["sample"]) == (False, False, "length", 1)
    assert (forced["correct"], forced["budget"], forced["sample"]) == (False, 3, 0)
