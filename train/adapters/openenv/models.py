"""What goes between a language model in one seat and the market."""

from pydantic import Field

from openenv.core.env_server.types import Action, Observation


class MarketAction(Action):
    """What the model answers."""

    answer: str = Field(description="One JSON object of the schema that the observation has, and nothing else")


class MarketObservation(Observation):
    """What the provider is told before a period; `reward` is its profit of last period, in the mechanism's units."""

    system: str = Field(default="", description="Aim, rule of the market, and form of an answer")
    prompt: str = Field(default="", description="Own curve, record, and the period that begins; or what was wrong")
    answer_schema: dict = Field(default_factory=dict, description="JSON schema of an answer")
    invalid: int = Field(default=0, description="Answers so far that were none")
