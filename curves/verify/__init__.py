"""What a text answers, and whether that is right."""

from curves.verify.answers import Extraction, Kind, any_form, canonical, extract, last_boxed
from curves.verify.reading import reader, spelling

__all__ = ["Extraction", "Kind", "any_form", "canonical", "extract", "last_boxed", "reader", "spelling"]
