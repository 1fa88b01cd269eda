"""One run over many articles: what is being read, decided, noted and counted."""
