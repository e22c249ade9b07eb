"""Stage games with closed forms, one file for each mechanism that has them."""
