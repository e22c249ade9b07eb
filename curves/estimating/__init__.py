"""From samples to curves: means over subsets of samples, ways to spend compute, and intervals over questions."""
