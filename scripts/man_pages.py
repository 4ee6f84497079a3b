"""Manual pages in man(7), from what click knows of each command and the sections below, which --help has no room for.

PyPI's click-man was tried (0.6.0): it reads a group's dictionary of commands, which ours does not fill, because it
imports a command only when it is run; it joins the lines of an example, and it has no sections but click's.
"""

import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import NamedTuple

import click

from unreclaim import __version__
from unreclaim.base.errors import ExitCode
from unreclaim.cli.lazy import LazyGroup
from unreclaim.cli.main import cli

DATE = "2026-11-22"
"""The day on which the texts were last revised; the day of the build would make each page stale at once."""

EXIT_STATUS = {
    ExitCode.HEALTHY: "Healthy, or draining: dying memory cgroups are being freed.",
    ExitCode.WARNING: "Warning: kernel memory grows.",
    ExitCode.CRITICAL: "Critical: much of memory is gone.",
    ExitCode.CANNOT_TELL: "Cannot tell; what is missing is named.",
    ExitCode.USAGE: "Wrong usage: an unknown command or option.",
    ExitCode.BAD_DATA: "A file does not have its documented form.",
    ExitCode.NO_INPUT: "The host, directory or bundle cannot be read.",
    ExitCode.UNAVAILABLE: "This host lacks what was asked for, or has no room for it.",
    ExitCode.INTERNAL: "A fault of this program.",
    ExitCode.CANNOT_WRITE: "The output cannot be written.",
    ExitCode.INTERRUPTED: "Interrupted with Ctrl-C.",
}
_RECOVERY = {
    ExitCode.HEALTHY: "Nothing of what was aimed at is left, or only the plan was asked for.",
    ExitCode.WARNING: "Some is left that can be reclaimed, removed or restarted yet.",
    ExitCode.CRITICAL: "Some is left that only a reboot frees.",
    ExitCode.CANNOT_TELL: "What is left is not known.",
}
_LINT = {
    ExitCode.HEALTHY: "Nothing to change; there may be remarks.",
    ExitCode.WARNING: "Warnings or errors.",
    ExitCode.CANNOT_TELL: "A unit or file that was named cannot be read, or there is no unit at all.",
}
_APPLY = {
    ExitCode.HEALTHY: "Done, or only shown; with --verify: it worked.",
    ExitCode.WARNING: "With --verify: it did not work.",
    ExitCode.CANNOT_TELL: "With --verify: whether it worked cannot be told.",
}
_LAB = {ExitCode.HEALTHY: "The experiment was made; its outcome is in the output."}
_OUTCOMES = {
    ("trace",): {ExitCode.HEALTHY: "The watch is over, or was ended with Ctrl-C; what was seen is in the output."},
    ("capture",): {ExitCode.HEALTHY: "The bundle was written; it says nothing about the host's health."},
    ("lint",): _LINT,
    ("apply",): _APPLY,
    ("plan",): {ExitCode.HEALTHY: "There is a plan, if only that nothing is to be changed."},
    ("undo",): {ExitCode.HEALTHY: "All is taken back."},
    ("units",): {ExitCode.HEALTHY: "Starts were counted; that says nothing about the host's health."},
    ("lab",): _LAB,
    ("lab", "kernel"): _LAB,
    ("lab", "reproduce"): {
        ExitCode.HEALTHY: "It came out as it must on this kernel.",
        ExitCode.WARNING: "It did not.",
        ExitCode.CANNOT_TELL: "The outcome could not be counted, or nothing definite was expected of this kernel.",
    },
    ("lab", "clean"): {ExitCode.HEALTHY: "What was left is removed."},
}
"""Of commands that give no verdict: what the codes mean that would be one."""


class Texts(NamedTuple):
    """What is told of one command besides its help: paragraphs, and command lines indented by four spaces."""

    overhead: str
    caveats: str


TEXTS = {
    (): Texts(
        """
Each command's own page says what it reads. None of them changes anything on the host but capture, which writes the one
file it is asked for, reclaim with --yes, which frees memory, apply, whose drop-ins undo removes, lab, which makes
cgroups and files of its own and removes them again, and trace, which has a trace buffer of its own in the kernel while
it runs.
""",
        """
Kernel memory belongs to the host. Inside a container run the program on the host instead; it says when it is inside
one, and which figures are made up there.

A user who is not root sees no slab caches. What could not be seen is named in the output.
""",
    ),
    ("diagnose",): Texts(
        """
All files are read once at the start and once at the end of the window; in between, /proc/meminfo and /proc/vmstat once
a second, at most 120 times. Every cgroup hierarchy is walked at both ends, so the cost grows with the number of live
cgroups.

Only where more than 19 memory cgroups are dying, or their number grew, the statistics of each live memory cgroup (at
most 1,000), the names of the kernel's functions and its type information (some megabytes, 30 to 50 milliseconds) are
read too.

What that takes depends on the host. To measure it there, without the wait:

    time unreclaim diagnose --for 0s
    perf stat -e task-clock unreclaim diagnose --for 0s
""",
        """
A window cannot show growth that is slower than its noise; the output says what it could not have seen. From ten
minutes on, a window tells growth of bytes from noise.

The cost of dying cgroups comes from a model: the sizes of this kernel's structures, or where it does not tell them a
table of measured kernels. The output gives its bounds, and which of the two it is.

On cgroup v2 before Linux 6.12 the kernel counts dying cgroups of any controller, not of memory alone.

Bytes do not come back with the number of dying cgroups: freed objects leave slabs that are partly in use. Judge a cure
by the number.
""",
    ),
    ("status",): Texts(
        """
A few files of /proc are read once, and on cgroup v1 the memory hierarchy is walked. Nothing is waited for. To measure
it on a host:

    time unreclaim status
    perf stat -r 20 unreclaim status
""",
        """
One reading cannot show growth. The verdict rests on what has piled up since boot: soon after a boot a fast leak may not
show yet, and a leak that has stopped may still show. Use unreclaim-diagnose(1) to look closer.
""",
    ),
    ("census",): Texts(
        """
Loading the programs takes the kernel's type information to be read, some tens of milliseconds. The walk itself is a few
microseconds for each memory cgroup and a microsecond for each page that is looked at, in runs of a few milliseconds
during which one CPU is not preempted by RCU. At most 16,384 pages are looked at for each dying cgroup. The programs are
run by this command, never attached, and gone when it ends. To measure it on a host:

    time sudo unreclaim census --json

A page scan reads eight bytes of each physical page, and eight more of pages near those that matter: a tenth to a fifth
of a second for each million pages (4 GiB), in steps of some ten milliseconds, and two MiB of memory. Where the charges
show that dying cgroups hold nothing, no page is read.
""",
        """
Pages that are locked in memory (mlock) are on no list and show as references that are no page. Kernels that keep pages
on multi-generation lists (MGLRU) show no pins in this version, which says so.

A page scan cannot tell cgroups or files apart. It shows bytes by kind below living cgroups; where such a cgroup owns
pages itself, and on cgroup v2, the figure is the most that dying ones can hold. The filesystem's own metadata counts as
page cache there.

The path of a file is that of this mount namespace. A name longer than 127 bytes, or a file more than 16 directories
deep, is shown by device and inode.

Kernel memory in a dying cgroup's counter is not what holds it on kernels that move it to the parent (5.9 and newer).
""",
    ),
    ("lint",): Texts(
        """
The directories of unit files are listed, and each unit's files are read once: some milliseconds for one unit, below a
second for 500. Of units that are named systemd is asked over D-Bus, with limits of time. To measure it on a host:

    time unreclaim lint --all
""",
        """
Unit files say what would happen, not what happens: a unit that never fails is never restarted. See how often a unit
starts with journalctl(1).

Only settings that matter for cgroups and their memory are looked at. systemd-analyze(1) verify looks for other faults.

Without a running systemd that answers, and with --root, units are judged by their files alone. The version of systemd
is then told by the name of its library; where that is not found, no option counts as too new. Of a tree that does not
hold the host's programs nothing is called missing. Specifiers other than those of the unit's name are not resolved.

Units of users (systemctl --user) are not looked up; name their files.
""",
    ),
    ("units",): Texts(
        """
One journalctl runs for as long as it takes to read the messages on units that start, and one more until it has given
the oldest entry: about a second for each 100,000 entries that match. PID 1 is asked for the list of units, and for all
properties of those in the first 20 rows (--all: of every row), which takes it a few milliseconds each; 5 seconds are
waited for an answer and 30 for all. Where it can, a census is taken: see unreclaim-census(1). To measure it on a host:

    time sudo unreclaim units --json
""",
        """
A start is counted by the invocation id that systemd (232 and newer) gives it. Cgroups that no systemd makes, those of
containers among them, are not in the journal; with --for they are counted by a trace (see unreclaim-trace(1)).

Starts before the journal's oldest entry, and messages that journald dropped because they were too many at once, are
missing from the count. Both are said, and the numbers are then written as at least.

Dying cgroups are those of now and starts those since boot (or --since), so dying per start is no more than what is
still there. Inside of a user's own systemd they are not told apart.

With --for, what else grows at the very pace of the starts is taken for theirs. Sources that start at the same pace
cannot be told apart and share a row.

NRestarts counts automatic restarts alone and is reset when the unit is started anew by hand.
""",
    ),
    ("reclaim",): Texts(
        """
The plan costs one census; each rung costs its steps and at least one census more. See unreclaim-census(1).

The rungs cost the host this. wait: two seconds. fadvise: the cache of the pinning files, which are written to their
disk first and read again when they are needed. reclaim: caches of live cgroups below the same ancestor too; on cgroup
v1 all that are not in use, on v2 at most the amount that is shown; where metadata of a filesystem is in the way, all
that is dirty on the host is written to the disks first. drop-caches: the caches of the whole host. To see what would be
done:

    sudo unreclaim reclaim
""",
        """
remove and restart are never done by this command: what they concern is named, with the command that an operator would
type. A cgroup that needs them stays until then.

A page that a process has mapped or locked in memory is not dropped with the rest of its file. A file in tmpfs has no
disk to go to: it frees its cgroups when it is removed, or where there is swap.

Each file is looked at again before it is touched: where device or inode are not those that the census saw, it is left
alone. On filesystems that show files under another device number than their own (subvolumes of btrfs) that may be so
for every file; the rung reclaim reaches them.

Steps that do not answer in time (30 seconds for a file, 60 for a cgroup, 120 for the caches of the host) are given up.
A step that is blocked in the kernel is left there, and said.

A reboot is called the only help when every rung up to drop-caches was climbed, no memory is left in a cgroup, and still
something refers to it. A process that keeps it in a way that the census does not know would look the same.
""",
    ),
    ("trace",): Texts(
        """
The kernel writes a line of some 200 bytes for each cgroup that is made, removed or released, in each hierarchy, into a
buffer of 256 KiB to 4 MiB for each CPU (64 MiB in all at most), which is freed at the end. It is read two to four
times a second, and with each interval. To measure what it takes on a host:

    perf stat -e task-clock unreclaim trace --for 60s
""",
        """
Only what happens during the watch is seen. A cgroup that was removed before and is released now counts as released.

A start is one cgroup only where systemd starts a unit. Whoever makes cgroups within a cgroup of their own (Delegate=, a
container with a systemd in it) makes as many as they make.

Names of pods and containers come from the files of kubelet, Docker and Podman (/var/log/pods,
/var/lib/docker/containers, /var/lib/containers/storage), where they can be read within two seconds in all; else ids are
shown. A container that is gone within half a second may have no name.

A path of more than 1,023 bytes is cut off by the kernel. The events were seen on Linux 5.10 to 7.2; a much
older kernel may lack them.
""",
    ),
    ("plan",): Texts(
        """
Two censuses (see unreclaim-census(1)) and a look at the host of ten seconds (--for). PID 1 is asked for one unit, a few
times.
""",
        """
Starts are counted by the journal, whoever asked for them. Where it cannot be read NRestarts is taken, which does not
have those by timers, sockets and hand.

A prediction is for a loop that goes on as it did: run time and delay in turns. Its interval holds what the count may be
off by chance and the 250 ms that systemd may be late. With back-off it is what a loop comes to after its last step.

The delay of RestartSteps= falls back only when the unit comes to rest; systemd counts restarts over weeks.

What helps was measured on Linux 5.10 to 7.2 under systemd 247 to 262. Steps of the kinds boot parameter, kernel and
text are advice, and never done.
""",
    ),
    ("apply",): Texts(
        """
What plan takes, and one daemon-reload: PID 1 reads all its units anew, some milliseconds each. With --verify twice its
time. systemd-analyze verify is run before and after.
""",
        """
A drop-in that sorts after 50-unreclaim.conf, such as override.conf, has the last word. That is seen, and all is taken
back then.

Where systemd-analyze had complaints before, only new ones count.

The journal of what was written is in /var/lib/unreclaim/intent, with --runtime in /run/unreclaim/intent. Whatever a run
that was killed left half done the next apply --yes or undo takes back. A unit is applied once; for other values undo it
first.

On a busy host --verify may show nothing of bytes. The starts are what it judges by.
""",
    ),
    ("undo",): Texts(
        """
One daemon-reload for each plan.
""",
        """
The unit is not restarted. A delay holds from the next restart on, a slice from the next start.

A file that was edited since it was written is left alone, and so is the whole plan, unless --force is given. A
directory that others put files in stays.
""",
    ),
    ("lab",): Texts(
        """
An experiment takes kernel memory for as long as it runs, within the bounds that it is given. See the page of each.
""",
        """
Freed objects leave slabs and per-CPU pages that are partly in use, so a host may show somewhat more kernel memory after
an experiment than before. It is filled again before new memory is taken.
""",
    ),
    ("lab", "kernel"): Texts(
        """
A virtual machine takes 2 GiB of memory and two CPUs, for half a minute by KVM and for some minutes where it is
emulated. What it starts from is kept in a directory: some 300 MB for the root and 50 MB for each kernel.
""",
        """
The machine has two CPUs and no swap, so bytes are of another host than yours; which cgroups stay, and what frees them,
is the kernel's. Where /dev/kvm can be opened but no guest starts by it, that is found out once after each boot of the
host, which takes 20 seconds.
""",
    ),
    ("lab", "compare"): Texts(
        """
Each start costs the host what the unit's start costs. systemd is asked for the state ten times a second, reads its
units anew before and after each batch, and the kernel writes a trace line for each cgroup into a buffer of 4 MiB a CPU.

With --nspawn a minimal Debian (250 MB) is put into the cache directory by mmdebstrap once, and booted in two seconds or
three. It ends with the command.
""",
        """
Copies of the units are started. A copy does what the original does to files, ports and other services; only what would
reach beyond it is switched off (FailureAction=, SuccessAction=, StartLimitAction=, OnFailure=, OnSuccess=), and its
RuntimeDirectory= is preserved.

Services restart by themselves (Restart=always, RestartSec=1ms) until systemd's own start limit, set to the number of
starts, ends it; so a program must end, or be ended with --run-for. Units of Type=oneshot are started one by one.

Cgroups are counted by the kernel's trace events, so tracefs must be there; it is mounted for the time of the command
where it is not. A cgroup that is not freed two seconds after its batch counts as left dying.

Bytes are those of the whole host. On a busy one they show nothing.
""",
    ),
    ("lab", "reproduce"): Texts(
        """
Each cgroup that stays costs what a dying one costs, shown by unreclaim-diagnose(1), and a page of 4 KiB. That is added
up before anything is made: an experiment that would take more than 1 GiB, or leave less than 512 MiB or a tenth of
memory available, or write to a disk with less than 256 MiB free, is refused. It is asked again some forty times. A
process is started for each cgroup: some milliseconds. On cgroup v1 the memory hierarchy is walked at every reading.

    time sudo unreclaim lab reproduce empty --count 1000
""",
        """
The answer is known where the kernel shows the names of its functions (/proc/kallsyms). One cgroup, or 3 in a hundred,
may be held or freed by something else: a block of the filesystem's metadata, or reclaim.

Bytes are those of the whole host. Below 2,000 cgroups they show how much the kernel took anew, and not what one costs:
memory that is partly free is filled first.

Dying cgroups of mlock, mapped, memfd and sockets go with the process of this command, so they cannot be kept.
""",
    ),
    ("lab", "clean"): Texts(
        """
The directories of the cgroup hierarchies, of /var/tmp, /dev/shm and /run/systemd/system are listed.
""",
        """
What belongs to a process that lives is left alone, and so is what bears another name.
""",
    ),
    ("capture",): Texts(
        """
Each sample reads what diagnose reads, and always the statistics of each live memory cgroup (at most 1,000). The bundle
is built in a temporary file beside its final place and appears under its name when it is complete. To measure time and
size on a host:

    time sudo unreclaim capture -o /tmp/try.tar.gz --json
""",
        """
A bundle holds the host's name, the names of its cgroups (which may name users, containers and pods) and the kernel's
figures. It holds no environments and no memory of processes, and command lines only with --with-arguments. It is
readable by its owner alone; look at it before you send it: tar -tf FILE.

Cgroups may come and go while a sample is taken, so its files are not of one instant.
""",
    ),
}
_SEE_ALSO = ("cgroups(7)", "proc(5)", "slabtop(1)", "systemd-cgtop(1)")


def man_pages() -> dict[str, str]:
    """Give every page by its file name."""
    root = click.Context(cli, info_name="unreclaim", **cli.context_settings)
    contexts = dict(_contexts(root, ()))
    pages = ["-".join(("unreclaim", *path)) for path in contexts]
    return {
        f"{page}.1": _page(context, path, pages) for page, (path, context) in zip(pages, contexts.items(), strict=True)
    }


def _contexts(context: click.Context, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Context]]:
    """Give the program, every command and every command of a group."""
    yield path, context
    if isinstance(context.command, LazyGroup):
        for name in context.command.table:
            command = context.command.get_command(context, name)
            if command is not None:
                yield from _contexts(click.Context(command, context, name), (*path, name))


def _page(context: click.Context, path: tuple[str, ...], names: list[str]) -> str:
    command, name = context.command, "-".join(("unreclaim", *path))
    summary, paragraphs, examples = _split(command.help or "")
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [
        '.\\" Generated by scripts/man_pages.py; do not edit.',
        f'.TH {name.upper()} 1 {DATE} "unreclaim {__version__}" "unreclaim manual"',
        *(".SH NAME", *textwrap.wrap(f"{name} \\- {_escape(summary[:1].lower() + summary[1:].removesuffix('.'))}", 79)),
        *(".SH SYNOPSIS", f".B {context.command_path}", _literal(usage)),
        *(".SH DESCRIPTION", *_paragraphs("\n\n".join((summary, *paragraphs)))),
        *(".SH OPTIONS", *_definitions(_options(context))),
        *((".SH COMMANDS", *_definitions(sorted(command.table.items()))) if isinstance(command, LazyGroup) else ()),
        *(".SH EXIT STATUS", *_definitions(_exit_status(path))),
        *(".SH ENVIRONMENT", *_definitions([("NO_COLOR", "Set and not empty: no colour, even on a terminal.")])),
        *(".SH OVERHEAD", *_paragraphs(TEXTS[path].overhead)),
        *(".SH CAVEATS", *_paragraphs(TEXTS[path].caveats)),
        *(".SH EXAMPLES", ".nf", *map(_literal, examples), ".fi"),
        *(
            ".SH SEE ALSO",
            ",\n".join(_reference(page) for page in (*(f"{n}(1)" for n in names if n != name), *_SEE_ALSO)),
        ),
    ]
    return "\n".join(lines) + "\n"


def _split(text: str) -> tuple[str, list[str], list[str]]:
    """Give the summary, the paragraphs and the example's lines of a command's help."""
    blocks = re.split(r"\n\s*\n", inspect.cleandoc(text))
    prose = []
    for block in blocks:
        if not block.startswith("\b"):
            prose.append(" ".join(block.split()))
        elif not block.startswith("\b\nExample:"):
            title, *lines = block.splitlines()[1:]
            prose += [title, "\n".join(f"    {line.strip()}" for line in lines)]
    example = next((block.splitlines()[2:] for block in blocks if block.startswith("\b\nExample:")), [])
    return prose[0], prose[1:], inspect.cleandoc("\n".join(["", *example])).splitlines()


def _options(context: click.Context) -> Iterator[tuple[str, str]]:
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            yield record


def _exit_status(path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for code, meaning in EXIT_STATUS.items():
        if path in _OUTCOMES and code < ExitCode.USAGE:
            if code in _OUTCOMES[path]:
                yield str(code.value), _OUTCOMES[path][code]
        else:
            yield str(code.value), _RECOVERY.get(code, meaning) if path == ("reclaim",) else meaning


def _definitions(pairs: Iterator[tuple[str, str]] | list[tuple[str, str]]) -> Iterator[str]:
    for term, text in pairs:
        yield f".TP\n.B {_literal(term)}\n{_prose(text)}"


def _paragraphs(text: str) -> Iterator[str]:
    for number, block in enumerate(re.split(r"\n\s*\n", text.strip("\n"))):
        if number:
            yield ".PP"
        if block.startswith("    "):
            yield from (".RS 4", ".nf", *(_literal(line[4:]) for line in block.splitlines()), ".fi", ".RE")
        else:
            yield _prose(block)


def _reference(page: str) -> str:
    name, _, section = page.partition("(")
    return f".BR {_literal(name)} ({section}"


def _prose(text: str) -> str:
    """Escape running text and start each sentence on a line of its own; options keep their hyphens."""
    escaped = re.sub(r"(?<= )--?[a-z-]+", lambda match: match[0].replace("-", "\\-"), _escape(" ".join(text.split())))
    sentences = re.split(r"(?<=[.:;]) (?=[A-Z])", escaped)
    lines = (line for sentence in sentences for line in textwrap.wrap(sentence, 79, break_on_hyphens=False))
    return "\n".join(map(_guard, lines))


def _literal(text: str) -> str:
    """Escape what people type: hyphens and quotes stay what they are."""
    return _guard(_escape(text).replace("-", "\\-").replace("'", "\\(aq"))


def _escape(text: str) -> str:
    return text.encode("ascii").decode().replace("\\", "\\e")


def _guard(line: str) -> str:
    """Keep a line from being taken for a request."""
    return f"\\&{line}" if line.startswith((".", "'")) else line
