"""The shell script that makes a bundle on a host with no usable Python."""

from unreclaim import __version__


def capture_script() -> str:
    """Give the script's text, ready for ``sh -s``; it names this version as the bundle's creator."""
    # Only this command needs it, and it takes milliseconds to import.
    from importlib.resources import files  # noqa: PLC0415

    text = files("unreclaim.host").joinpath("capture.sh").read_text(encoding="utf-8")
    return text.replace("@VERSION@", __version__)
