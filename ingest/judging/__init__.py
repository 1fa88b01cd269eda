"""Stored articles judged by other rules: tried before they are saved, and applied afterwards."""
