"""Markets in words, for players who read and write: a prompt of what a provider knows, and its answer as an action."""

from ttc_env.language.answers import Answer, AnswerError, AnswerForm, Notes
from ttc_env.language.records import Seen
from ttc_env.language.speaker import Message, Speaker, remember
from ttc_env.language.templates import FORM, TEMPLATES, Template, load_template

__all__ = [
    "FORM",
    "TEMPLATES",
    "Answer",
    "AnswerError",
    "AnswerForm",
    "Message",
    "Notes",
    "Seen",
    "Speaker",
    "Template",
    "load_template",
    "remember",
]
