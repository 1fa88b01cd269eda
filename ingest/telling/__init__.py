"""Who is told what: alerts at once, the daily digest, the words of a run's outcome."""
