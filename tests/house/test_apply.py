"""Room apply changes a host only as it says: no file of a user is ever deleted, cut or written, no process is ended."""

import ast
from collections.abc import Iterator

from tests.house.source import Module, modules

ROOM = "unreclaim.apply"
# Where a file of the kernel is opened for writing, where the room's own children are ended, and where drop-ins and
# their journal are made and removed.
WRITER, PARENT, MAKER = f"{ROOM}.kernel_files", f"{ROOM}.apart", f"{ROOM}.own_files"
FILES = {"memory.force_empty", "memory.reclaim"}

_WRITING = {"O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "O_TMPFILE"}
_CHANGING = {
    *("unlink", "remove", "removedirs", "rmdir", "rmtree", "rename", "renames", "replace", "truncate", "ftruncate"),
    *("posix_fallocate", "fallocate", "mkdir", "makedirs", "mknod", "mkfifo", "link", "symlink", "chmod", "chown"),
    *("fchmod", "fchown", "lchown", "setxattr", "removexattr", "utime", "write_text", "write_bytes", "touch"),
    *("open_code", "fdopen", "sendfile", "copy_file_range", "splice", "pwrite", "pwritev", "writev", "mmap"),
}
# What the maker may do, and how it may open a file: one that was not there before.
_MAKING = {"mkdir", "rmdir", "link", "unlink", "rename", "fchmod"}
_NEW = {"O_WRONLY", "O_CREAT"}
_ENDING = {"kill", "killpg", "pidfd_send_signal", "abort", "terminate", "send_signal"}
_STARTING = {"system", "popen", "Popen", "execv", "execve", "execvp", "posix_spawn", "spawnv"}
_MODULES = {"subprocess", "shutil", "pathlib", "tempfile", "multiprocessing", "socket", "io"}


def changes(module: Module) -> Iterator[str]:
    """Name each way to change a host that a module of the room may not have."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Import(names=names):
                found = [alias.name for alias in names if alias.name.split(".")[0] in _MODULES]
            case ast.ImportFrom(module=str(name), level=0):
                found = [name] if name.split(".")[0] in _MODULES else []
            case ast.Call(func=ast.Name(id="open" | "exec" | "eval" as name)):
                found = [f"{name}()"]
            case ast.Attribute(attr=name):
                allowed = _MAKING | _NEW if module.name == MAKER else {"O_WRONLY"} if module.name == WRITER else set()
                found = [name] if name in (_CHANGING | _STARTING | _WRITING) - allowed else []
                found += [name] if name == "write" and module.name not in (WRITER, PARENT, MAKER) else []
                found += [name] if name in _ENDING and module.name != PARENT else []
            case _:
                continue
        for what in found:
            yield f"{module.name}:{node.lineno}: {what}"


def loose_calls(module: Module) -> Iterator[str]:
    """Name each call of the maker that may meet a file of another name, elsewhere, or that is there already.

    A name is our own constant, one that `_own` let pass, or that of a directory, which only goes when it is empty;
    a place is a descriptor of a directory; a file is opened for writing as one that must be new.
    """
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Assign) and not _NEW.isdisjoint(flags := _flags(node.value)) and "O_EXCL" not in flags:
            yield f"{node.lineno}: opens what is there"
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        name = node.func.attr
        if name in _MAKING - {"fchmod"} | {"open"}:
            given = {keyword.arg for keyword in node.keywords}
            if not given & {"dir_fd", "dst_dir_fd"}:
                yield f"{node.lineno}: {name} by a path"
        if name in {"link", "rename", "unlink"}:
            names = [ast.unparse(argument) for argument in node.args]
            if not set(names) <= {"_UNFINISHED", "_own(name)", "own"}:
                yield f"{node.lineno}: {name} of {', '.join(names)}"
        if name == "open" and not {"_LOOK", "_READ", "_MAKE"} & set(map(ast.unparse, node.args)):
            yield f"{node.lineno}: opens in a way of its own"


def _flags(node: ast.expr) -> set[str]:
    return {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}


def test_no_file_of_a_user_is_deleted_cut_or_written() -> None:
    """Files are opened for reading but for those of the kernel that reclaim and new ones under names of our own.

    No process but its own child is ended.
    """
    room = [module for module in modules() if module.is_in(ROOM)]
    assert {WRITER, PARENT, MAKER} < {module.name for module in room}
    assert list(loose_calls(next(module for module in room if module.name == MAKER))) == []
    assert [problem for module in room for problem in changes(module)] == []


def test_the_files_that_are_written_are_three() -> None:
    """The writer knows two names and the one path, and asks for them before it opens anything."""
    writer = next(module for module in modules() if module.name == WRITER)
    names = {
        element.value
        for node in ast.walk(writer.tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple)
        for element in node.value.elts
        if isinstance(element, ast.Constant)
    }
    assert names == FILES
    model = next(module for module in modules() if module.name == "unreclaim.model.recovery")
    assert 'DROP_CACHES = "/proc/sys/vm/drop_caches"\n' in model.text


def test_each_way_to_change_a_host_is_seen() -> None:
    """The check names each in a sample that takes them all, and lets the two modules have only what they are for."""
    sample = """
import shutil
from pathlib import Path
from msgspec import Struct

def act(path, pid):
    open(path)
    os.unlink(path)
    os.open(path, os.O_WRONLY | os.O_CREAT)
    os.write(1, b"")
    os.kill(pid, 9)
    os.truncate(path, 0)
    os.open(path, os.O_RDONLY)
    os.fsync(3)
"""
    both = ["2: shutil", "3: pathlib", "7: open()", "8: unlink", "9: O_CREAT", "12: truncate"]
    expected = {
        f"{ROOM}.sample": [*both, "9: O_WRONLY", "10: write", "11: kill"],
        WRITER: [*both, "11: kill"],
        PARENT: [*both, "9: O_WRONLY"],
        MAKER: ["2: shutil", "3: pathlib", "7: open()", "11: kill", "12: truncate"],
    }
    for name, problems in expected.items():
        found = sorted(changes(Module(name, sample)))
        assert found == sorted(f"{name}:{problem}" for problem in problems)


def test_a_call_of_the_maker_that_is_too_free_is_seen() -> None:
    """The check names a foreign name, a whole path, flags that open what is there, and flags made on the spot."""
    sample = """
_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_OTHER = os.O_WRONLY | os.O_CREAT
def act(name, within):
    own = _own(name)
    os.unlink(own, dir_fd=within)
    os.unlink(name, dir_fd=within)
    os.unlink(_own(name))
    os.rename(_UNFINISHED, name, src_dir_fd=within, dst_dir_fd=within)
    os.rmdir(name)
    os.open(name, _OTHER, dir_fd=within)
    os.open(name, _MAKE, dir_fd=within)
"""
    assert sorted(loose_calls(Module(MAKER, sample)), key=lambda line: int(line.partition(":")[0])) == [
        "3: opens what is there",
        "7: unlink of name",
        "8: unlink by a path",
        "9: rename of _UNFINISHED, name",
        "10: rmdir by a path",
        "11: opens in a way of its own",
    ]
