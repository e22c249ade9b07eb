"""What scores answers: a classifier, or a language model by how likely it would have written them."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from curves.nano_models.model import THINK  # noqa: E402
from curves.scoring.likelihood import Likelihood  # noqa: E402
from curves.scoring.rewards import RewardModel, load_reward_model  # noqa: E402

QUESTION = "7+8-4"
ANSWERS = [
    "<think>7 15 11</think>####11<eos>",
    "<think>7</think>####3<eos>",
    "",
    "<think>7 15",
    "<think>7</think>####3",
]


def test_the_configuration_says_which_kind_it_is(tiny):
    assert type(load_reward_model(str(tiny / "reward"))) is RewardModel
    assert type(load_reward_model(str(tiny / "model"))) is Likelihood
    with pytest.raises(ValueError, match=r"cannot load reward model .*nowhere"):
        load_reward_model(str(tiny / "nowhere"))


@pytest.mark.parametrize("batch_size", [2, 64])
def test_a_likelihood_is_the_sum_over_the_answers_own_tokens(tiny, batch_size):
    """Each answer alone, without padding, the question given and not judged."""
    judge = Likelihood(str(tiny / "model"), batch_size=batch_size)
    for answer, score in zip(ANSWERS, judge.score(QUESTION, ANSWERS), strict=True):
        first, tokens = judge.tokenizer.encode(QUESTION), judge.tokenizer.encode(answer)
        with torch.inference_mode():
            logits = judge.model(torch.tensor([first + tokens])).logits[0].double().log_softmax(-1)
        expected = sum(logits[len(first) - 1 + t, token].item() for t, token in enumerate(tokens))
        assert score == pytest.approx(expected, abs=1e-4)


def test_a_chat_template_is_applied_around_the_question(tiny):
    judge = Likelihood(str(tiny / "model"))
    (plain,) = judge.score(f"{QUESTION}{THINK}", ["7 15"])
    judge.tokenizer.chat_template = "{{ messages[0]['content'] }}{% if add_generation_prompt %}<think>{% endif %}"
    assert judge.score(QUESTION, ["7 15"]) == [pytest.approx(plain, abs=1e-6)]


@pytest.mark.parametrize("kind", ["reward", "model"])
def test_scores_depend_on_the_answer_alone_not_on_its_neighbours(tiny, kind):
    judge = load_reward_model(str(tiny / kind))
    together = judge.score(QUESTION, ANSWERS[:2])
    alone = [judge.score(QUESTION, [answer])[0] for answer in ANSWERS[:2]]
    assert together == pytest.approx(alone, abs=1e-4)
    assert together[0] != pytest.approx(together[1], abs=1e-3)
