"""Room apply changes a host only as it says: no file of a user is ever deleted, cut or written, no process is ended."""

import ast
from collections.abc import Iterator

from tests.house.source import Module, modules

ROOM = "unreclaim.apply"
# Where a file of the kernel is opened for writing, and where the room's own children are ended.
WRITER, PARENT = f"{ROOM}.kernel_files", f"{ROOM}.apart"
FILES = {"memory.force_empty", "memory.reclaim"}

_WRITING = {"O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "O_TMPFILE"}
_CHANGING = {
    *("unlink", "remove", "removedirs", "rmdir", "rmtree", "rename", "renames", "replace", "truncate", "ftruncate"),
    *("posix_fallocate", "fallocate", "mkdir", "makedirs", "mknod", "mkfifo", "link", "symlink", "chmod", "chown"),
    *("fchmod", "fchown", "lchown", "setxattr", "removexattr", "utime", "write_text", "write_bytes", "touch"),
    *("open_code", "fdopen", "sendfile", "copy_file_range", "splice", "pwrite", "pwritev", "writev", "mmap"),
}
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
                found = [name] if name in _CHANGING | _STARTING else []
                found += [name] if name in _WRITING - ({"O_WRONLY"} if module.name == WRITER else set()) else []
                found += [name] if name == "write" and module.name not in (WRITER, PARENT) else []
                found += [name] if name in _ENDING and module.name != PARENT else []
            case _:
                continue
        for what in found:
            yield f"{module.name}:{node.lineno}: {what}"


def test_no_file_of_a_user_is_deleted_cut_or_written() -> None:
    """Files are opened for reading but for those of the kernel that reclaim; no process but its own child is ended."""
    room = [module for module in modules() if module.is_in(ROOM)]
    assert {WRITER, PARENT} < {module.name for module in room}
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
    }
    for name, problems in expected.items():
        found = sorted(changes(Module(name, sample)))
        assert found == sorted(f"{name}:{problem}" for problem in problems)
