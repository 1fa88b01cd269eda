"""The audit trail: who did what, when, from where, with what. Written once, read by staff, deleted by age alone."""
