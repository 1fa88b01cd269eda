"""The same small jobs for every engine. Each module is a program: `client` takes orders on stdin, `worker` works."""
