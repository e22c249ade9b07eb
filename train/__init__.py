"""Entry points: scripts that train, compare and reproduce. Run from a checkout, as `python train/run.py`."""
