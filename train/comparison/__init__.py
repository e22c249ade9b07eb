"""What `train/benchmark.py` is made of: cells are run, their records kept, compared and drawn."""
