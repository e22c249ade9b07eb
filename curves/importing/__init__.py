"""Raw runs that others recorded, each layout in a file of its own."""
