"""Reads kernel memory by BPF programs that are run once and never attached: nothing is left in the kernel."""
