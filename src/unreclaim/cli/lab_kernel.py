"""``unreclaim lab kernel``: boot a kernel in a virtual machine and say which leaks it has."""

import click

from unreclaim.cli.options import Duration, json_option
from unreclaim.cli.terminal import say
from unreclaim.lab.image import SUITES
from unreclaim.lab.kernel import examine_kernel
from unreclaim.lab.report import card_document, card_text
from unreclaim.render.as_json import encode


@click.command(name="kernel")
@click.option(
    "--suite",
    type=click.Choice(SUITES),
    default="bookworm",
    show_default=True,
    help="The newest kernel of this Debian.",
)
@click.option("--image", metavar="VMLINUZ", help="A kernel of your own instead.")
@click.option(
    "--modules", metavar="DIR", help="Its modules, such as /lib/modules/6.1.0; not needed if virtio is built in."
)
@click.option("--cgroup", type=click.Choice(["v1", "v2"]), default="v2", show_default=True, help="The cgroup version.")
@click.option(
    "--count", type=click.IntRange(5, 2000), metavar="N", default=101, show_default=True, help="Cgroups of each kind."
)
@click.option("--cache-dir", metavar="DIR", help="Where images are kept. [default: ~/.cache/unreclaim/lab]")
@click.option(
    "--timeout", type=Duration(), metavar="TIME", default="15m", show_default=True, help="The longest it may take."
)
@json_option()
def command(
    suite: str,
    image: str | None,
    modules: str | None,
    cgroup: str,
    count: int,
    cache_dir: str | None,
    timeout: float,
    *,
    as_json: bool,
) -> None:
    """Boot a kernel in a virtual machine and say which leaks it has.

    Makes cgroups that write files, use tmpfs, pass sockets on and so on, removes them, counts which stay dying, and
    tries each way to free them. So it tells before an upgrade whether that cures a leak. Uses KVM where it works.
    The first run makes images of some 500 MB from Debian's packages, as root. Changes nothing else on the host.

    \b
    Example:
      sudo unreclaim lab kernel --suite trixie
      unreclaim lab kernel --suite bookworm --cgroup v1 --json
      unreclaim lab kernel --image /boot/vmlinuz-6.8.0 --modules /lib/modules/6.8.0
    """  # noqa: D301
    if modules is not None and image is None:
        raise click.UsageError("--modules is of a kernel of your own, named by --image")
    card = examine_kernel(
        suite=suite,
        image=image,
        modules=modules,
        cgroup=cgroup,
        count=count,
        cache_dir=cache_dir,
        timeout=timeout,
        say=lambda line: click.echo(f"unreclaim: {line}", err=True),
    )
    say(encode(card_document(card)) + "\n" if as_json else card_text(card))
