"""Reads the names that container runtimes give, from their own files and never by asking them."""
