"""A unit, watched for a while."""

from msgspec import Struct

from unreclaim.model.growth import Rate
from unreclaim.model.plan import Estimate


class UnitWatch(Struct, frozen=True):
    """How often a unit started within a time, and how the host's figures changed meanwhile, by field id.

    starts None: they could not be counted.
    """

    seconds: float
    starts: int | None
    cycles_per_day: Estimate | None
    rates: dict[str, Rate] = {}
