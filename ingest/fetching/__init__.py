"""Getting pages and feeds from the web: politely, within bounds, and from nowhere they must not come from."""
