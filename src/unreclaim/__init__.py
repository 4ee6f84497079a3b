"""unreclaim: what holds a Linux host's unreclaimable kernel memory, why it grows, and how to get it back."""

__version__ = "0.1.0"
