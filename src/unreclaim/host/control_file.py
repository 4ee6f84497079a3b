"""Writes control files: what the kernel offers to be written as a file, in cgroups and in tracefs."""

import os


def write_file(path: str, text: str) -> None:
    """Write a pseudo-file, which exists. Raises OSError, which names it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from error
    finally:
        os.close(descriptor)
