"""What a text answers, and whether that is right."""

from curves.verify.answers import Extraction, Kind, canonical, extract, last_boxed

__all__ = ["Extraction", "Kind", "canonical", "extract", "last_boxed"]
