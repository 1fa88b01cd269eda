"""A Django database engine that brings its own Postgres: started on the first connection, stopped with the last user."""
