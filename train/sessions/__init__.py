"""Sessions of learning on a payoff table: what runs, what is reported and what is drawn by `train/collusion.py`."""
