"""The nano models: their architecture and their training."""
