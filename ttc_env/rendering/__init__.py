"""One period of a market for the eye: as a text table, and as a picture."""
