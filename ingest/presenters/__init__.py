"""What the pages show; no rules, no writing."""
