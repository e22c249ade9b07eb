"""Scores of answers from a language model: how likely it would have written them itself.

One that knows a task better than the measured models is a verifier of their answers without further training. (Ranking
samples by likelihood: M. Chen et al., *Evaluating Large Language Models Trained on Code*, arXiv:2107.03374.)
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from curves.scoring.pretrained import from_pretrained


class Likelihood:
    """A causal language model whose reward is the log probability of the whole answer, given the question.

    Args and errors as of `curves.scoring.rewards.RewardModel`.
    """

    def __init__(self, model: str, revision: str | None = None, device: str = "cpu", batch_size: int = 64) -> None:
        self.tokenizer = from_pretrained(AutoTokenizer, model, revision)
        loaded = from_pretrained(AutoModelForCausalLM, model, revision, use_safetensors=True)
        self.model, self.device, self.batch_size = loaded.to(device).eval(), device, batch_size
        self.revision = getattr(loaded.config, "_commit_hash", None) or revision

    @torch.inference_mode()
    def score(self, question: str, answers: Sequence[str]) -> list[float]:
        """The reward of each answer to the question."""
        prompt = self._prompt(question)
        encoded = [self.tokenizer.encode(answer, add_special_tokens=False) for answer in answers]
        scores: list[float] = []
        for start in range(0, len(encoded), self.batch_size):
            part = encoded[start : start + self.batch_size]
            width = max(map(len, part))
            ids = torch.tensor([prompt + tokens + [0] * (width - len(tokens)) for tokens in part], device=self.device)
            lengths = torch.tensor([[len(tokens)] for tokens in part], device=self.device)
            logits = self.model(input_ids=ids).logits[:, len(prompt) - 1 : -1]  # what follows an answer changes nothing
            chances = logits.double().log_softmax(-1).gather(-1, ids[:, len(prompt) :, None])[..., 0]
            scores += chances.where(torch.arange(width, device=self.device) < lengths, 0.0).sum(-1).tolist()
        return scores

    def _prompt(self, question: str) -> list[int]:
        if self.tokenizer.chat_template is None:
            return list(self.tokenizer.encode(question))
        turn = [{"role": "user", "content": question}]
        text = self.tokenizer.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)
        return list(self.tokenizer.encode(text, add_special_tokens=False))
