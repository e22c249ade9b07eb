"""How a question is put to a model, and where its thinking ends: configuration, recorded with its hash."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from curves.records.stamps import sha256

Tokenizer = Any  # of transformers, which the default tests of the library do not need


@dataclass(frozen=True)
class Prompt:
    """What surrounds a question.

    Args:
        template: of the user's message; `{question}` stands for the question.
        system: the system message, none if empty.
        chat: whether the model's chat template is applied.
        prefix: begins the model's answer, for example `<think>` and a line break.
        thinking_end: what ends the thinking, for example `</think>`; empty for a model that does not think.
        force: put after thinking that was cut at its budget, to make the model answer.
        stop: strings that end an answer.
    """

    template: str = "{question}"
    system: str = ""
    chat: bool = True
    prefix: str = ""
    thinking_end: str = ""
    force: str = "\n</think>\n\nThe final answer is "
    stop: tuple[str, ...] = ()

    def encode(self, tokenizer: Tokenizer, question: str) -> tuple[int, ...]:
        """The tokens of the whole prompt."""
        text = self.template.replace("{question}", question)
        if not self.chat:
            return tuple(tokenizer.encode(text + self.prefix))
        try:
            chat = tokenizer.apply_chat_template(self.messages(question), add_generation_prompt=True, tokenize=False)
        except ValueError:
            raise ValueError("this model has no chat template; set chat to false in the --prompt file") from None
        return tuple(tokenizer.encode(chat + self.prefix, add_special_tokens=False))

    def messages(self, question: str) -> list[dict[str, str]]:
        """The prompt as the messages of a chat."""
        system = [{"role": "system", "content": self.system}] if self.system else []
        return [*system, {"role": "user", "content": self.template.replace("{question}", question)}]

    def thinking_tokens(self, tokenizer: Tokenizer, tokens: tuple[int, ...]) -> int | None:
        """How many of the generated tokens are thinking, its end included; None for a model that does not think."""
        if not self.thinking_end:
            return None
        low, high = 0, len(tokens)  # the text of a prefix contains the end from some length on
        while low < high:
            middle = (low + high) // 2
            if self.thinking_end in tokenizer.decode(tokens[:middle]):
                high = middle
            else:
                low = middle + 1
        return low

    def after_thinking(self, text: str) -> str:
        """The part of the text that may hold the answer."""
        return text.rpartition(self.thinking_end)[2] if self.thinking_end else text

    def describe(self) -> dict[str, Any]:
        """For the metadata."""
        content = asdict(self)
        return content | {"sha256": sha256(content)}


_DEFAULTS: dict[str, Prompt] = {
    "number": Prompt("{question}\nThink step by step. End with a line that reads #### and the answer as a number."),
    "integer": Prompt("{question}\nThink step by step, and put the final answer within \\boxed{}."),
    "choice": Prompt(
        "{question}\nThink step by step. End with a line that reads Answer: and the letter of your choice."
    ),
    "exact": Prompt("{question}\nThink step by step. End with a line that reads Answer: and the answer."),
}


def load_prompt(kind: str, path: Path | None = None) -> Prompt:
    """The default prompt for this kind of answer, with the fields of a JSON file in place of its own.

    Raises:
        ValueError: a file that is not JSON, a field that a prompt does not have, or a template without `{question}`.
    """
    prompt = _DEFAULTS.get(kind, _DEFAULTS["exact"])
    if path is not None:
        try:
            given = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path}: not JSON ({error})") from None
        known = {field.name: type(getattr(prompt, field.name)) for field in fields(Prompt)}
        for name, value in given.items():
            if name not in known or not isinstance(value, list if known[name] is tuple else known[name]):
                raise ValueError(f"{path}: {name}: {value!r} is not a field of a prompt; allowed: {', '.join(known)}")
        prompt = replace(prompt, **given | ({"stop": tuple(given["stop"])} if "stop" in given else {}))
    if "{question}" not in prompt.template:
        raise ValueError(f"template must contain {{question}}, got {prompt.template!r}")
    return prompt
