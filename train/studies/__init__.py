"""Studies: runs over a grid of market properties, mechanisms, algorithms, hyper-parameters and seeds."""
