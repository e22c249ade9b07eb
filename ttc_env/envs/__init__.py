"""Adapters between the repeated market and the APIs of PettingZoo, Gymnasium and batched learners."""
