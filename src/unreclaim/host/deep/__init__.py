"""A census by drgn over /proc/kcore, where the kernel's debug information is installed."""
