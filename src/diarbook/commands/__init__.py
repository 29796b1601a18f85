"""One command a module; each exposes ``command``, and is imported only when it runs."""
