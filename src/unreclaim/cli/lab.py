"""``unreclaim lab``: make leaks on purpose, and measure instead of believe; one file a subcommand."""

import click

from unreclaim.cli.lazy import LazyGroup

COMMANDS = {
    "kernel": "Boot a kernel in a virtual machine and say which leaks it has.",
    "compare": "Start two units in turns under a real systemd, and say whether they differ.",
    "reproduce": "Make a leak of a known kind, and say whether it came out as it must.",
    "clean": "Remove what runs of the laboratory left that were killed or kept.",
}
"""Every subcommand with its line in --help; its module is ``unreclaim.cli.lab_<name>``."""


@click.group(name="lab", cls=LazyGroup, table=COMMANDS, package="unreclaim.cli.lab_")
def command() -> None:
    """Make leaks on purpose, with a known answer, and measure instead of believe.

    Unlike the other commands these change the host while they run: they make cgroups, files and units of their own,
    and remove them again. What a run that was killed left is removed by the next one.

    \b
    Example:
      sudo unreclaim lab kernel --suite trixie     does an upgrade to this kernel cure the leak?
      sudo unreclaim lab reproduce page-cache
      sudo unreclaim lab compare --set Type=exec --against Type=simple --nspawn
      sudo unreclaim lab clean
    """  # noqa: D301
