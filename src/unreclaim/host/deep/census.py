"""The census by drgn: the same records as those of the BPF programs, read through /proc/kcore."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import drgn

from unreclaim.base.progress import Progress
from unreclaim.host.deep.holders import list_holders, list_writebacks
from unreclaim.host.deep.pins import Files, Tallies, look_at
from unreclaim.host.deep.program import DeepUnavailableError
from unreclaim.host.deep.structures import Structures
from unreclaim.host.deep.walk import Walk
from unreclaim.host.raw_census import RawDying, RawHolder, RawPin, RawTarget

_CHUNK_FRAMES = 16_384
_WORD_BYTES = 8


@contextmanager
def _as_known() -> Iterator[None]:
    """Turn what drgn says of a structure that it does not find into an error for users."""
    try:
        yield
    except (LookupError, AttributeError, drgn.FaultError) as error:
        raise _unknown(error) from error


class DeepCensus:
    """The running kernel as drgn reads it. Nothing is loaded into the kernel, and nothing of it is held."""

    backend = "drgn"

    def __init__(self, program: Any) -> None:  # noqa: ANN401 - drgn's types are known only where it is installed
        """Find this kernel's structures.

        Raises:
            DeepUnavailableError: they are none that are known.

        """
        try:
            self._structures = Structures(program)
        except (LookupError, drgn.FaultError) as error:
            raise _unknown(error) from error

    def __enter__(self) -> Self:
        """Give the census itself."""
        return self

    def __exit__(self, _: object, error: BaseException | None, trace: TracebackType | None) -> None:
        """Turn what drgn says of a structure that it does not find into an error for users."""
        if isinstance(error, LookupError | AttributeError | drgn.FaultError):
            raise _unknown(error) from error

    def list_dying(self) -> tuple[RawDying, ...]:
        """List every dying css.

        Raises:
            DeepUnavailableError: the hierarchy is too deep, or cgroups come and go too fast.

        """
        return tuple(Walk(self._structures).list_dying())

    def list_pins(self, dying: Sequence[RawDying], nodes: int) -> Iterator[tuple[int, RawTarget, list[RawPin]]]:
        """Give, for each css by its place in `dying`, what it says of itself now and the folios on its lists.

        nodes: the number of possible NUMA nodes.
        """
        files = Files(self._structures)
        for index, css in enumerate(dying):
            yield index, *look_at(self._structures, files, css, nodes)

    @_as_known()
    def list_holders(self) -> tuple[RawHolder, ...]:
        """List the processes that hold a dying css otherwise than by memory."""
        return tuple(list_holders(self._structures))

    @_as_known()
    def list_writebacks(self, _starts: Iterable[int]) -> tuple[RawHolder, ...]:
        """List the writeback structures of dying css on all devices, which the kernel's symbols tell."""
        return list_writebacks(self._structures)

    @_as_known()
    def list_frames(self, ranges: Sequence[range], progress: Progress | None) -> dict[int, list[RawPin]]:
        """Find the pages of dying cgroups that may not be reclaimed (mlock) among all of memory; by css serial.

        ranges: page frame numbers that are memory. progress: called with the seconds gone and those that it will take.

        Raises:
            DeepUnavailableError: this kernel's pages cannot be found by their numbers.

        """
        structures, files = self._structures, Files(self._structures)
        found: dict[int, Tallies] = {}
        whole, done, start = sum(map(len, ranges)), 0, time.monotonic()
        for span in ranges:
            for first in range(span.start, span.stop, _CHUNK_FRAMES):
                number = min(_CHUNK_FRAMES, span.stop - first)
                for address in self._locked_pages(first, number):
                    try:
                        folio = structures.folio_at(address)
                        # The low bit of the second word marks the tail of a larger page.
                        serial = structures.is_dying(folio.css) if folio.css and not folio.next & 1 else 0
                        if serial:
                            found.setdefault(serial, Tallies(structures, files)).add(folio)
                    except drgn.FaultError:
                        continue  # freed meanwhile
                done += number
                if progress is not None:
                    gone = time.monotonic() - start
                    progress(gone, gone * whole / done)
        return {serial: tallies.pins() for serial, tallies in found.items()}

    def _locked_pages(self, first: int, number: int) -> Iterator[int]:
        """Give where the pages are, of some frames, that may not be reclaimed."""
        size = self._structures.page_bytes
        start = self._structures.frame_address(first)
        try:
            memory = self._structures.program.read(start, number * size)
        except drgn.FaultError as error:
            raise DeepUnavailableError("the pages of this kernel cannot be found by their numbers") from error
        words = memoryview(memory).cast("Q")[:: size // _WORD_BYTES].tolist()
        wanted = self._structures.on_no_list
        return (start + index * size for index, flags in enumerate(words) if flags & wanted)


def _unknown(error: BaseException) -> DeepUnavailableError:
    return DeepUnavailableError(f"this kernel's structures are not as they are known: {error}")
