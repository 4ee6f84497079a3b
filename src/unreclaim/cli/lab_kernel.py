"""``unreclaim lab kernel``: boot a kernel in a virtual machine and say which leaks it has."""

import click

from unreclaim.cli.options import Duration, json_option
from unreclaim.cli.terminal import say
from unreclaim.lab.card import card_document
from unreclaim.lab.guest_variants import GROUPS
from unreclaim.lab.image import SUITES
from unreclaim.lab.kernel import Order, examine_kernel, examine_units
from unreclaim.lab.report import card_text
from unreclaim.lab.unit_report import unit_card_text
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
@click.option(
    "--cgroup",
    type=click.Choice(["v1", "v2", "hybrid"]),
    default="v2",
    show_default=True,
    help="Which version of cgroups; hybrid is for --units.",
)
@click.option(
    "--count",
    type=click.IntRange(5, 2000),
    metavar="N",
    default=101,
    show_default=True,
    help="Cgroups of each kind, or starts of a unit.",
)
@click.option("--units", is_flag=True, help="Let its Debian's systemd start units instead: half an hour if emulated.")
@click.option(
    "--only",
    type=click.Choice(GROUPS),
    multiple=True,
    help="These of the units alone; many: each Type= with --count starts of all. [default: all but many]",
)
@click.option("--append", multiple=True, metavar="PARAMETER", help="A further parameter of the kernel.")
@click.option("--cache-dir", metavar="DIR", help="Where images are kept. [default: ~/.cache/unreclaim/lab]")
@click.option(
    "--timeout", type=Duration(), metavar="TIME", default="15m", show_default=True, help="The longest it may take."
)
@json_option()
def command(  # noqa: PLR0913  one for each option
    suite: str,
    image: str | None,
    modules: str | None,
    cgroup: str,
    count: int,
    append: tuple[str, ...],
    cache_dir: str | None,
    timeout: float,
    *,
    units: bool,
    only: tuple[str, ...],
    as_json: bool,
) -> None:
    """Boot a kernel in a virtual machine and say which leaks it has.

    Makes cgroups that write files, use tmpfs, pass sockets on and so on, removes them, counts which stay dying, and
    tries each way to free them. With --units a real systemd starts units instead, with each Type=, each setting of the
    sandbox, several RestartSec= and so on, and the cgroups of each are counted by name. So it tells before an upgrade
    whether that cures a leak. Uses KVM where it works. The first run makes images of some 500 MB from Debian's
    packages, as root. Changes nothing else on the host.

    \b
    Example:
      sudo unreclaim lab kernel --suite trixie
      unreclaim lab kernel --suite bookworm --cgroup v1 --json
      unreclaim lab kernel --suite bookworm --units --timeout 1h --append cgroup.memory=nokmem
      unreclaim lab kernel --suite bookworm --units --only many --count 211 --timeout 1h
      unreclaim lab kernel --image /boot/vmlinuz-6.8.0 --modules /lib/modules/6.8.0
    """  # noqa: D301
    if modules is not None and image is None:
        raise click.UsageError("--modules is of a kernel of your own, named by --image")
    if cgroup == "hybrid" and not units:
        raise click.UsageError("hybrid is how a systemd sets cgroups up: it is for --units")
    if only and not units:
        raise click.UsageError("--only names groups of units: it is for --units")
    order = Order(suite, image, modules, cgroup, count, only, append, timeout)
    if units:
        unit_card = examine_units(order, cache_dir, _tell)
        say(encode(card_document(unit_card)) + "\n" if as_json else unit_card_text(unit_card))
    else:
        card = examine_kernel(order, cache_dir, _tell)
        say(encode(card_document(card)) + "\n" if as_json else card_text(card))


def _tell(line: str) -> None:
    click.echo(f"unreclaim: {line}", err=True)
