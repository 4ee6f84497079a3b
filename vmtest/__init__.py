"""Runs the tests that need a kernel of their own inside a virtual machine of each kernel that is supported."""
