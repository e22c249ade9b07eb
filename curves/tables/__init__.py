"""Tables of curves, their prices, and the provenance that stands beside them."""
