"""Training of nano models and their verifier, from scratch, on sums of the synthetic family."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import torch
from transformers import LlamaForCausalLM, LlamaForSequenceClassification, PreTrainedTokenizerFast

from curves.arithmetic import terms
from curves.nano_model import END, PAD, THINK, VOCABULARY, Size, make_model, make_verifier, spoiled, worked

CUT = 0.3  # of the examples end their thinking early, so that a forced answer is nothing new
_IGNORED = -100  # label that the loss of transformers leaves out
Pair = tuple[torch.Tensor, torch.Tensor]


def train(size: Size, steps: int, seed: int, tokenizer: PreTrainedTokenizerFast, batch: int = 64) -> LlamaForCausalLM:
    """A model trained on freshly drawn sums for so many steps, learning rate rising and falling."""
    torch.manual_seed(seed)
    model = make_model(size)
    examples = batches(random.Random(seed), tokenizer, batch)
    _optimise(model, steps, (model(input_ids=ids, labels=labels).loss for ids, labels in examples))
    return model.eval()


def train_verifier(
    start: Path, size: Size, steps: int, seed: int, tokenizer: PreTrainedTokenizerFast, batch: int = 64
) -> LlamaForSequenceClassification:
    """A reward model from a trained one's weights and a layer more, taught to prefer worked sums to spoiled ones.

    Comparing answers to one question only keeps it from learning which questions are easy instead.
    Source: the preference model of R. Bradley and M. Terry, *Rank Analysis of Incomplete Block Designs*, Biometrika 39.
    """
    torch.manual_seed(seed)
    deeper = size._replace(layers=size.layers + 1)  # to gather in one place what was found wrong at any step
    model, rng = make_verifier(deeper), random.Random(f"verifier {seed}")
    model.model.load_state_dict(LlamaForCausalLM.from_pretrained(start).model.state_dict(), strict=False)

    def losses() -> Iterator[torch.Tensor]:
        while True:
            drawn = [terms(rng) for _ in range(batch)]
            texts = ["".join(worked(of)).replace(THINK, "") for of in drawn] + [spoiled(of, rng) for of in drawn]
            part = tokenizer(texts, padding=True, return_tensors="pt")
            right, wrong = model(input_ids=part.input_ids, attention_mask=part.attention_mask).logits[:, 0].chunk(2)
            yield -torch.nn.functional.logsigmoid(right - wrong).mean()

    _optimise(model, steps, losses(), rate=1e-3)
    return model.eval()


def batches(rng: random.Random, tokenizer: PreTrainedTokenizerFast, size: int) -> Iterator[Pair]:
    """Endless batches of token ids and labels; questions and forced ends of thinking are not learned."""
    pad, end = VOCABULARY.index(PAD), VOCABULARY.index(END)
    while True:
        rows, labels = [], []
        for _ in range(size):
            question, solution = (tokenizer.encode(text) for text in worked(terms(rng)))
            learned = list(solution)
            if rng.random() < CUT:
                close = solution.index(end)
                cut = rng.randrange(close)
                solution = solution[:cut] + solution[close:]
                learned = [*solution[:cut], _IGNORED, *solution[cut + 1 :]]
            rows.append(question + solution)
            labels.append([_IGNORED] * len(question) + learned)
        width = max(map(len, rows))
        ids = torch.tensor([row + [pad] * (width - len(row)) for row in rows])
        yield ids, torch.tensor([row + [_IGNORED] * (width - len(row)) for row in labels])


def _optimise(model: torch.nn.Module, steps: int, losses: Iterator[torch.Tensor], rate: float = 3e-3) -> None:
    optimiser = torch.optim.AdamW(model.parameters(), rate, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.1)
    for _, loss in zip(range(steps), losses, strict=False):
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
