"""Takes drop-ins back: each file that is as we wrote it, and each directory that we made and that is empty."""

from unreclaim.apply.dropins import path_of
from unreclaim.apply.intents import Intent, Place, Written, write_intent
from unreclaim.apply.own_files import (
    DROP_IN,
    directory,
    read_file,
    remove_directory,
    remove_file,
    remove_unfinished,
)
from unreclaim.base.errors import OutputError


def remove_drop_ins(place: Place, intent: Intent, *, force: bool = False) -> None:
    """Remove what an intent wrote; the intent itself stays until systemd has been told, and is not done any more.

    force: also files that were edited since.

    Raises:
        OutputError: a file is not as it was written; then nothing is removed.

    """
    for each in intent.drop_ins:
        _check(place, each, force=force)
    if intent.done:
        write_intent(place, Intent(intent.unit, intent.drop_ins))
    try:
        with directory(place.units) as units:
            for each in reversed(intent.drop_ins):
                _remove(units, each)
    except FileNotFoundError:
        return


def _check(place: Place, written: Written, *, force: bool) -> None:
    path = path_of(place, written.unit)
    try:
        with directory(path.rpartition("/")[0]) as found:
            text = read_file(DROP_IN, found)
    except FileNotFoundError:
        return
    except OSError as error:
        raise OutputError(path, f"is left alone: {error.strerror}") from error
    if text is not None and text != written.text.encode() and not force:
        raise OutputError(path, "was edited since it was written; nothing was removed", hint="undo --force removes it")


def _remove(units: int, written: Written) -> None:
    name = f"{written.unit}.d"
    try:
        with directory(name, units) as within:
            remove_unfinished(within)
            remove_file(DROP_IN, within)
    except FileNotFoundError:
        return
    if written.made_directory:
        remove_directory(name, units)
