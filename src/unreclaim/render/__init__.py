"""Turns what we say about a host into text and JSON. It decides nothing and reads nothing."""
