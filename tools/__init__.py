"""What those who work on this project run; nothing of it is installed."""
