"""Learners at the speed of compiled code, on games that are given whole as a table of profits.

With numba (extra `fast`) the loops are compiled; without it the same text is interpreted by Python, some hundred times
slower, and gives the same numbers to the last bit.
"""
