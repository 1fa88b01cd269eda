"""The site of the documentation: what is made while mkdocs builds it."""
