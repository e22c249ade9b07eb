"""Scores of answers, for best-of-n and weighted votes: reward models, and language models by their likelihood."""
