"""What changes a host, and nothing else: each function does one step that was planned and shown before."""
