"""Training of nano models from scratch, on sums of the synthetic family."""

from __future__ import annotations

import random
from collections.abc import Container, Iterator

import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from curves.nano_models.model import END, PAD, VOCABULARY, Size, make_model, worked
from curves.tasks.arithmetic import other_terms

CUT = 0.3  # of the examples end their thinking early, so that a forced answer is nothing new
_IGNORED = -100  # label that the loss of transformers leaves out
Pair = tuple[torch.Tensor, torch.Tensor]


def train(
    size: Size,
    steps: int,
    seed: int,
    tokenizer: PreTrainedTokenizerFast,
    held_out: Container[str] = (),
    batch: int = 64,
) -> LlamaForCausalLM:
    """A model trained for so many steps on freshly drawn sums, none of which is held out."""
    torch.manual_seed(seed)
    model = make_model(size)
    examples = batches(random.Random(seed), tokenizer, batch, held_out)
    _optimise(model, steps, (model(input_ids=ids, labels=labels).loss for ids, labels in examples))
    return model.eval()


def batches(
    rng: random.Random, tokenizer: PreTrainedTokenizerFast, size: int, held_out: Container[str] = ()
) -> Iterator[Pair]:
    """Endless batches of token ids and labels; questions and forced ends of thinking are not learned."""
    pad, end = VOCABULARY.index(PAD), VOCABULARY.index(END)
    while True:
        rows, labels = [], []
        for _ in range(size):
            question, solution = (tokenizer.encode(text) for text in worked(other_terms(rng, held_out)))
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
    """Follow the losses for so many steps, the learning rate rising to `rate` and falling again."""
    optimiser = torch.optim.AdamW(model.parameters(), rate, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.1)
    for _, loss in zip(range(steps), losses, strict=False):
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
