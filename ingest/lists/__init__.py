"""Lists of articles: what was asked for, found in order, counted and marked."""
