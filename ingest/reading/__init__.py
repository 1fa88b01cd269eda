"""What a page says: its text, language and summary, and how relevant and how good it is. Pure functions."""
