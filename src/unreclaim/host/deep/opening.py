"""The door to the census by drgn: the only module of it that is imported where drgn may be missing."""

from typing import TYPE_CHECKING

from unreclaim.host.deep.program import DeepUnavailableError, check_kcore, open_program

if TYPE_CHECKING:
    from unreclaim.host.deep.census import DeepCensus


def open_deep_census() -> "DeepCensus":
    """Open the running kernel and read its debug information, which takes seconds.

    Raises:
        DeepUnavailableError: no drgn, no /proc/kcore, no right to read it, or no debug information of this kernel.

    """
    check_kcore()
    try:
        from unreclaim.host.deep.census import DeepCensus  # noqa: PLC0415 - loads drgn, which is optional
    except ImportError as error:
        why = f"its Python package cannot be imported ({error})"
        raise DeepUnavailableError(why, "pip install 'unreclaim[deep]'") from error
    return DeepCensus(open_program())
