"""Writes the drop-ins of a plan: first the journal, then directory by directory, file by file."""

import errno
import os

from unreclaim.apply.intents import Intent, Place, Written, read_intents, write_intent
from unreclaim.apply.own_files import DROP_IN, directory, make_directory, read_file, write_file
from unreclaim.base.errors import OutputError
from unreclaim.formats.unit_name import why_not_startable
from unreclaim.model.plan import DropIn


def path_of(place: Place, unit: str) -> str:
    """Give where the drop-in of a unit is."""
    return f"{place.units}/{unit}.d/{DROP_IN}"


def check_drop_ins(place: Place, drop_ins: tuple[DropIn, ...]) -> tuple[Written, ...]:
    """Look at what is there, and give what is to be written.

    Raises:
        OutputError: a name is none of a unit, or something is there that we did not write.

    """
    found = []
    ours = {each.unit: intent.unit for intent in read_intents(place) for each in intent.drop_ins}
    for drop_in in drop_ins:
        problem = why_not_startable(drop_in.unit)
        if problem is not None:
            raise OutputError(drop_in.unit, problem)
        if drop_in.unit in ours:
            owner = ours[drop_in.unit]
            raise OutputError(
                path_of(place, drop_in.unit), f"was written for {owner} before", hint=f"unreclaim undo {owner}"
            )
        found.append(Written(drop_in.unit, drop_in.text, made_directory=not _is_there(place, drop_in.unit)))
    return tuple(found)


def _is_there(place: Place, unit: str) -> bool:
    """Tell whether the directory of a unit's drop-ins is there, and make sure that none of our name is in it."""
    path = path_of(place, unit)
    try:
        with directory(os.path.dirname(path)) as found:
            if read_file(DROP_IN, found) is None:
                return True
    except FileNotFoundError:
        return False
    except OSError as error:
        raise OutputError(path, f"is left alone: {error.strerror}") from error
    raise OutputError(path, "is there, and no journal of unreclaim knows it; it is left alone", hint="move it away")


def write_drop_ins(place: Place, unit: str, wanted: tuple[Written, ...]) -> Intent:
    """Write what `check_drop_ins` gave, and give the intent by which it is taken back; it is not done yet.

    Raises:
        OSError: as the kernel says it; the intent is there then, unless that could not be written.

    """
    intent = Intent(unit, wanted)
    write_intent(place, intent)
    with directory(place.units) as units:
        for each in wanted:
            name = f"{each.unit}.d"
            if each.made_directory and not make_directory(name, units):
                # Somebody made it just now: it is not ours to remove.
                others = tuple(Written(one.unit, one.text, one.made_directory and one != each) for one in wanted)
                write_intent(place, Intent(unit, others))
                raise FileExistsError(errno.EEXIST, "appeared just now", f"{place.units}/{name}")
            with directory(name, units) as within:
                write_file(DROP_IN, each.text.encode(), within)
    return intent
