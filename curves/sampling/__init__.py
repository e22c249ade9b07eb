"""Samples of every question of a task: which are asked for, what is written down of them, and what they cost."""
