"""Reads a host, a captured tree, a bundle or a sosreport. It changes nothing there and judges nothing.

What reading takes from the kernel for a while (programs in bpf/, an instance in tracing/) is given back.
"""
