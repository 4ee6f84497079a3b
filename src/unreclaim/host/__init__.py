"""Reads a host, a captured tree, a bundle or a sosreport. It writes nothing there and judges nothing."""
