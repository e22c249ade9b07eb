"""The transformers engine draws from the model's own distribution, reproducibly, with distinct seeds."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from curves.engines import Request, Sampling, load_engine  # noqa: E402
from curves.engines.transformers_engine import draw_tokens  # noqa: E402
from curves.sampling.plan import Plan, check_seeds  # noqa: E402

PROMPT = (8, 12, 15, 13, 10, 2)


@pytest.fixture(scope="module")
def engine(tiny):
    return load_engine("transformers", str(tiny / "model"))


def test_samples_follow_the_model_step_by_step(engine):
    """Each recorded log probability is the sum over a plain forward pass of the whole text."""
    (samples,) = engine.generate([Request(PROMPT, 20, 0, 16)], Sampling(1.0)).samples
    for sample in samples:
        with torch.inference_mode():
            logits = engine.model(torch.tensor([PROMPT + sample.tokens])).logits[0, len(PROMPT) - 1 : -1]
        scores = logits.double().log_softmax(-1)[torch.arange(len(sample.tokens)), list(sample.tokens)]
        assert sample.logprob == pytest.approx(scores.sum().item(), abs=1e-3)
        assert (sample.finish == "stop") == (sample.tokens[-1] == 1)
        assert 1 not in sample.tokens[:-1]
        assert len(sample.tokens) == 16 or sample.finish == "stop"


def test_first_tokens_have_the_probabilities_of_the_model(engine):
    (samples,) = engine.generate([Request(PROMPT, 4000, 10, 1)], Sampling(0.7)).samples
    with torch.inference_mode():
        chance = (engine.model(torch.tensor([PROMPT])).logits[0, -1].double() / 0.7).softmax(-1).numpy()
    counts = np.bincount([sample.tokens[0] for sample in samples], minlength=len(chance))
    statistic = ((counts - 4000 * chance) ** 2 / (4000 * chance)).sum()
    assert statistic < len(chance) - 1 + 4 * np.sqrt(2 * (len(chance) - 1))


def test_a_sample_depends_on_its_seed_and_prompt_only(engine):
    other = (6, 14, 9, 2)
    together = engine.generate([Request(PROMPT, 6, 0, 12), Request(other, 3, 6, 12)], Sampling(1.0)).samples
    alone = engine.generate([Request(PROMPT, 1, 4, 12)], Sampling(1.0)).samples
    assert together[0][4].tokens == alone[0][0].tokens
    assert len({sample.tokens for sample in together[0]}) > 1
    again = engine.generate([Request(PROMPT, 6, 0, 12), Request(other, 3, 6, 12)], Sampling(1.0)).samples
    assert again == together
    engine.batch_size = 4
    try:
        split = engine.generate([Request(PROMPT, 6, 0, 12), Request(other, 3, 6, 12)], Sampling(1.0)).samples
    finally:
        engine.batch_size = 256
    assert [[s.tokens for s in part] for part in split] == [[s.tokens for s in part] for part in together]


def test_stop_strings_end_a_sample(engine):
    (free,) = engine.generate([Request(PROMPT, 30, 0, 16)], Sampling(1.0)).samples
    (cut,) = engine.generate([Request(PROMPT, 30, 0, 16)], Sampling(1.0, stop=("7",))).samples
    for whole, part in zip(free, cut, strict=True):
        text = engine.tokenizer.decode(whole.tokens)
        expected = text[: text.index("7") + 1] if "7" in text else text
        assert engine.tokenizer.decode(part.tokens) == expected


def test_inversion_covers_every_token_and_top_p_cuts_the_tail():
    logits = torch.log(torch.tensor([[0.5, 0.1, 0.4]], dtype=torch.float64))
    grid = torch.linspace(0, 1 - 1e-12, 1001, dtype=torch.float64)
    everything = draw_tokens(logits.expand(1001, -1), grid, Sampling(1.0))
    np.testing.assert_allclose(np.bincount(everything) / 1001, [0.5, 0.1, 0.4], atol=2e-3)
    likeliest = draw_tokens(logits.expand(1001, -1), grid, Sampling(1.0, top_p=0.8))
    np.testing.assert_allclose(np.bincount(likeliest, minlength=3) / 1001, [5 / 9, 0, 4 / 9], atol=2e-3)
    assert set(draw_tokens(logits.expand(1001, -1), grid, Sampling(0.0)).tolist()) == {0}


def test_seeds_never_meet():
    plan = Plan(samples=5, max_tokens=9, budgets=(1, 2), answer_tokens=4, seed=100)
    requests = [Request((1,), 5, plan.seed_of(q, call), 9) for q in range(50) for call in range(3)]
    used = set()
    check_seeds(requests, used)
    assert used == set(range(100, 100 + 50 * 3 * 5))
    with pytest.raises(RuntimeError, match="used twice"):
        check_seeds([Request((1,), 2, 103, 9)], used)
