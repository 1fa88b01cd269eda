"""A Django database engine with its own Postgres: started on the first connection, stopped with the last user."""
