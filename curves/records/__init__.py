"""What is written down of a measurement, sample by sample, and the form in which estimators see it."""
