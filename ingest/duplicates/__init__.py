"""Which articles tell one story: addresses made alike, texts compared, clusters with a root."""
