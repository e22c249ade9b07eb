"""Nano models: Llama-architecture transformers of a few ten thousand parameters, for sums with a scratchpad.

A sample reads `7+8-4<think>7 15 11</think>####11<eos>`: running totals as thinking, then the answer. One token
per character, besides the marks.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from tokenizers.decoders import Fuse
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from curves.tasks.arithmetic import question, running_totals

THINK, END, ANSWER, EOS, PAD = "<think>", "</think>", "####", "<eos>", "<pad>"
VOCABULARY = [PAD, EOS, THINK, END, ANSWER, *"0123456789+- "]
PROMPT = {"template": "{question}", "chat": False, "prefix": THINK, "thinking_end": END, "force": END + ANSWER}
CONTEXT = 96


class Size(NamedTuple):
    """Width, layers and heads."""

    width: int
    layers: int
    heads: int


def make_tokenizer() -> PreTrainedTokenizerFast:
    """One token per character, and the marks; anything else is an error of the caller and becomes padding."""
    tokens = Tokenizer(models.WordLevel({token: i for i, token in enumerate(VOCABULARY)}, unk_token=PAD))
    tokens.pre_tokenizer = pre_tokenizers.Split(Regex(r"<[a-z/]+>|####|."), behavior="isolated")
    tokens.decoder = Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokens, eos_token=EOS, pad_token=PAD, unk_token=PAD, clean_up_tokenization_spaces=False
    )


def make_config(size: Size, **more: Any) -> LlamaConfig:
    """The architecture of a size."""
    return LlamaConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=size.width,
        intermediate_size=3 * size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.heads,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        eos_token_id=VOCABULARY.index(EOS),
        pad_token_id=VOCABULARY.index(PAD),
        bos_token_id=None,
        **more,
    )


def make_model(size: Size) -> LlamaForCausalLM:
    """A model to be trained; seeded by torch's generator."""
    return LlamaForCausalLM(make_config(size))


def worked(terms: list[int]) -> tuple[str, str]:
    """A question, and the thinking and answer that a model should learn."""
    totals = running_totals(terms)
    return question(terms) + THINK, f"{' '.join(map(str, totals))}{END}{ANSWER}{totals[-1]}{EOS}"
