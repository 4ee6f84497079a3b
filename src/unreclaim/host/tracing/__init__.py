"""Reads the kernel's trace events, in a tracefs instance of our own that is removed again.

Nobody else's tracing is touched: an instance has its own buffer, events, filters and clock.
"""
