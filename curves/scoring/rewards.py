"""Scores of answers from a reward model with the sequence-classification interface."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from curves.scoring.likelihood import Likelihood
from curves.scoring.pretrained import from_pretrained


def load_reward_model(model: str, revision: str | None = None, device: str = "cpu") -> RewardModel | Likelihood:
    """What scores answers: a reward model, or a language model where the configuration says it is one.

    Raises:
        ValueError: it cannot be loaded.
    """
    architectures = from_pretrained(AutoConfig, model, revision).architectures or ()
    writes = any(name.endswith("ForCausalLM") for name in architectures)
    return (Likelihood if writes else RewardModel)(model, revision, device)


class RewardModel:
    """A model with one output per conversation; safetensors only, and no code of the model's own is run.

    Args:
        model: id on the hub, or a folder.
        revision: of the hub.
        device: torch device.
        batch_size: answers scored at once.

    Raises:
        ValueError: it cannot be loaded, or has more than one output.
    """

    def __init__(self, model: str, revision: str | None = None, device: str = "cpu", batch_size: int = 64) -> None:
        self.tokenizer = from_pretrained(AutoTokenizer, model, revision)
        loaded = from_pretrained(AutoModelForSequenceClassification, model, revision, use_safetensors=True)
        if loaded.config.num_labels != 1:
            raise ValueError(f"a reward model has one output, {model!r} has {loaded.config.num_labels}")
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        loaded.config.pad_token_id = self.tokenizer.pad_token_id  # marks where an answer ends in a padded batch
        self.model, self.device, self.batch_size = loaded.to(device).eval(), device, batch_size
        self.revision = getattr(loaded.config, "_commit_hash", None) or revision

    @torch.inference_mode()
    def score(self, question: str, answers: Sequence[str]) -> list[float]:
        """The reward of each answer to the question."""
        texts = [self._conversation(question, answer) for answer in answers]
        scores: list[float] = []
        for start in range(0, len(texts), self.batch_size):
            part = self.tokenizer(
                texts[start : start + self.batch_size], padding=True, return_tensors="pt", add_special_tokens=False
            ).to(self.device)
            scores += self.model(input_ids=part.input_ids, attention_mask=part.attention_mask).logits[:, 0].tolist()
        return scores

    def _conversation(self, question: str, answer: str) -> str:
        if self.tokenizer.chat_template is None:
            return question + answer
        messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        return str(self.tokenizer.apply_chat_template(messages, tokenize=False))
