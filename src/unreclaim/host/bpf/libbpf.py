"""The few calls of libbpf that are needed, by ctypes: an installed host needs only libbpf1, no compiler."""

import ctypes
import mmap
import os
from collections.abc import Callable
from types import TracebackType
from typing import Self

from unreclaim.base.errors import UnavailableError

_LIBRARY = "libbpf.so.1"
_MAX_LOG_BYTES = 2**24
_PRINT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)


Log = Callable[[str], None]


class BpfUnavailableError(UnavailableError):
    """This host cannot run our BPF programs; `why` and `hint` say what is missing."""


def _printer(log: Log) -> Callable[[int, bytes, int], int]:
    """Give a function that formats what libbpf says, as printf does."""
    library = ctypes.CDLL(None)
    library.vsnprintf.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_void_p]

    # Made once, and of memory that is there only where a line has reached: hardly any is long.
    buffer = (ctypes.c_char * _MAX_LOG_BYTES).from_buffer(mmap.mmap(-1, _MAX_LOG_BYTES))

    def show(_level: int, text: bytes, arguments: int) -> int:
        length: int = library.vsnprintf(buffer, _MAX_LOG_BYTES, text, arguments)
        log(buffer.value.decode("utf-8", "replace").rstrip("\n"))
        return length

    return show


class _RunOptions(ctypes.Structure):
    """struct bpf_test_run_opts of libbpf 1.0 (tools/lib/bpf/bpf.h)."""

    _fields_ = [
        ("size", ctypes.c_size_t),
        ("data_in", ctypes.c_void_p),
        ("data_out", ctypes.c_void_p),
        ("data_size_in", ctypes.c_uint32),
        ("data_size_out", ctypes.c_uint32),
        ("context_in", ctypes.c_void_p),
        ("context_out", ctypes.c_void_p),
        ("context_size_in", ctypes.c_uint32),
        ("context_size_out", ctypes.c_uint32),
        ("result", ctypes.c_uint32),
        ("repeat", ctypes.c_int),
        ("duration", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("cpu", ctypes.c_uint32),
        ("batch_size", ctypes.c_uint32),
    ]


class BpfObject:
    """A loaded BPF object; leaving the ``with`` block unloads it."""

    def __init__(self, path: str, log: Log | None = None) -> None:
        """Load the object at `path`, which takes the kernel's BTF to be read (tenths of a second).

        log: is given what libbpf says, line by line; on failure that is the verifier's whole log.

        Raises:
            BpfUnavailableError: libbpf is missing, the kernel has no BTF, or it refuses the programs.

        """
        try:
            self._library = ctypes.CDLL(_LIBRARY, use_errno=True)
        except OSError:
            hint = "install libbpf1 (Debian, Ubuntu) or libbpf (Fedora, RHEL)"
            raise BpfUnavailableError("BPF", f"{_LIBRARY} is missing", hint=hint) from None
        self._declare()
        # Kept for as long as libbpf may call it; without one of ours it writes to stderr.
        self._print = _PRINT(_printer(log) if log is not None else lambda _level, _format, _arguments: 0)
        self._library.libbpf_set_print(self._print)
        self._object = self._library.bpf_object__open_file(path.encode(), None)
        if not self._object:
            raise self._failure("the compiled programs cannot be opened")
        if self._library.bpf_object__load(self._object) != 0:
            error = self._failure("the kernel does not take the programs")
            self._library.bpf_object__close(self._object)
            raise error

    def __enter__(self) -> Self:
        """Give the object itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Unload: the kernel frees programs and maps with their last descriptor."""
        self._library.bpf_object__close(self._object)

    def run(self, program: str) -> None:
        """Run a raw tracepoint program once, by BPF_PROG_TEST_RUN.

        Raises:
            BpfUnavailableError: the kernel refuses.

        """
        handle = self._library.bpf_object__find_program_by_name(self._object, program.encode())
        options = _RunOptions(size=ctypes.sizeof(_RunOptions))
        if self._library.bpf_prog_test_run_opts(self._library.bpf_program__fd(handle), ctypes.byref(options)) != 0:
            raise self._failure(f"the kernel does not run {program}")

    def map(self, name: str, size: int) -> mmap.mmap:
        """Map an array's `size` bytes of entries into memory."""
        access = mmap.PROT_READ | mmap.PROT_WRITE
        return mmap.mmap(self._map(name), size, mmap.MAP_SHARED, access)

    def _map(self, name: str) -> int:
        descriptor: int = self._library.bpf_object__find_map_fd_by_name(self._object, name.encode())
        return descriptor

    def _failure(self, what: str) -> BpfUnavailableError:
        code = ctypes.get_errno()
        why = f"{what}: {os.strerror(code)}" if code else what
        return BpfUnavailableError(
            "BPF", why, hint="run as root, on a kernel of 5.10 or newer with CONFIG_DEBUG_INFO_BTF; --debug says more"
        )

    def _declare(self) -> None:
        pointer = ctypes.c_void_p
        library = self._library
        library.libbpf_set_print.restype = pointer
        library.bpf_object__open_file.restype = pointer
        library.bpf_object__open_file.argtypes = [ctypes.c_char_p, pointer]
        library.bpf_object__load.argtypes = [pointer]
        library.bpf_object__close.argtypes = [pointer]
        library.bpf_object__find_program_by_name.restype = pointer
        library.bpf_object__find_program_by_name.argtypes = [pointer, ctypes.c_char_p]
        library.bpf_object__find_map_fd_by_name.argtypes = [pointer, ctypes.c_char_p]
        library.bpf_program__fd.argtypes = [pointer]
        library.bpf_prog_test_run_opts.argtypes = [ctypes.c_int, pointer]
