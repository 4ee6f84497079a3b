"""Drop-ins are written whole or not at all, known to a journal before, and taken back to the byte."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.killed import run_and_kill
from unreclaim.apply.dropins import check_drop_ins, path_of, write_drop_ins
from unreclaim.apply.intents import (
    Intent,
    Place,
    Written,
    choose_place,
    forget_intent,
    locked,
    read_intents,
    write_intent,
)
from unreclaim.apply.own_files import (
    DROP_IN,
    directory,
    make_directory,
    read_file,
    remove_directory,
    remove_file,
    replace_file,
    write_file,
)
from unreclaim.apply.undo import remove_drop_ins
from unreclaim.base.errors import OutputError
from unreclaim.model.plan import DropIn

APP = "app.service"
DROP_INS = (DropIn(APP, "# ours\n[Service]\nRestartSec=15s\n"), DropIn("system-app.slice", "# ours\n[Slice]\n"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Give a tree with a unit of a user's, which has a drop-in of its own."""
    units = tmp_path / "etc/systemd/system"
    (units / f"{APP}.d").mkdir(parents=True)
    (units / APP).write_text("[Service]\n", encoding="utf-8")
    (units / f"{APP}.d" / "override.conf").write_text("[Service]\nNice=1\n", encoding="utf-8")
    (tmp_path / "var/lib").mkdir(parents=True)
    return choose_place(str(tmp_path), runtime=False)


def tree(place: Place) -> dict[str, tuple[int, bytes]]:
    """Give mode and content of all that is below the units' directory."""
    top = Path(place.units)
    return {
        str(path.relative_to(top)): (
            stat.S_IMODE(path.lstat().st_mode),
            os.readlink(path).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(top.rglob("*"))
    }


def write(place: Place) -> Intent:
    """Write both drop-ins, as an apply does."""
    return write_drop_ins(place, APP, check_drop_ins(place, DROP_INS))


def undo(place: Place, *, force: bool = False) -> None:
    """Take back all that a journal knows, as an undo does."""
    for intent in read_intents(place):
        remove_drop_ins(place, intent, force=force)
        forget_intent(place, intent.unit)


def test_what_was_written_is_there_and_undo_leaves_the_tree_as_it_was(place: Place) -> None:
    """Both files are there with their text, whatever the umask; undo removes them and their directory."""
    before = tree(place)
    old = os.umask(0o077)
    try:
        intent = write(place)
    finally:
        os.umask(old)
    assert tree(place) == before | {
        f"{APP}.d/{DROP_IN}": (0o644, DROP_INS[0].text.encode()),
        "system-app.slice.d": (0o755, b""),
        f"system-app.slice.d/{DROP_IN}": (0o644, DROP_INS[1].text.encode()),
    }
    assert read_intents(place) == (intent,)
    assert [(each.unit, each.made_directory) for each in intent.drop_ins] == [(APP, False), ("system-app.slice", True)]
    assert not intent.done
    undo(place)
    assert tree(place) == before
    assert read_intents(place) == ()


@pytest.mark.parametrize("done", [False, True])
def test_undo_of_what_is_done_says_so_first(place: Place, *, done: bool) -> None:
    """An intent that is being undone is not done any more, so that one that is killed there is gone on with."""
    intent = write(place)
    finished = Intent(intent.unit, intent.drop_ins, done=done)
    write_intent(place, finished)
    remove_drop_ins(place, finished)
    assert read_intents(place) == (intent,)


def acts(place: Place) -> Iterator[None]:
    """Write, finish and undo: all that changes a tree."""
    intent = write(place)
    write_intent(place, Intent(intent.unit, intent.drop_ins, done=True))
    yield
    undo(place)


def test_whoever_is_killed_at_any_call_is_cleaned_up_after(place: Place) -> None:
    """A child kills itself before the first, the second, ... changing call; each time undo gives the tree back."""
    before = tree(place)
    kills = 0
    while run_and_kill(lambda: [None for _ in acts(place)], before_call=kills):
        kills += 1
        # What is there is whole: the next one finds no half a drop-in.
        texts = {each.text.encode() for each in DROP_INS}
        there = {content for name, (_, content) in tree(place).items() if name.endswith(DROP_IN)}
        assert there <= texts
        undo(place)
        assert tree(place) == before
        assert read_intents(place) == ()
    # One journal, two files, a directory, the journal again, and all of it back: each is several calls.
    assert kills > 40


def test_what_a_user_has_under_our_name_is_left_alone(place: Place) -> None:
    """A file, a link or a directory of the name is refused and stays, and nothing else is written."""
    target = Path(path_of(place, APP))
    for make in (
        lambda: target.write_text("[Service]\nNice=5\n", encoding="utf-8"),
        lambda: target.symlink_to("/etc/passwd"),
        lambda: target.symlink_to("nowhere"),
        target.mkdir,
    ):
        make()
        before = tree(place)
        with pytest.raises(OutputError, match=r"50-unreclaim.conf: is (there, and no journal|left alone)"):
            write(place)
        assert tree(place) == before
        assert read_intents(place) == ()
        target.rmdir() if target.is_dir() and not target.is_symlink() else target.unlink()


def test_a_file_that_appears_in_between_is_not_written_over(place: Place) -> None:
    """Between the look and the write somebody makes the file, or the directory: theirs stays after the undo too."""
    wanted = check_drop_ins(place, DROP_INS)
    Path(path_of(place, APP)).write_text("theirs", encoding="utf-8")
    with pytest.raises(FileExistsError):
        write_drop_ins(place, APP, wanted)
    with pytest.raises(OutputError, match="was edited since it was written"):
        undo(place)
    Path(path_of(place, APP)).unlink()
    undo(place)
    wanted = check_drop_ins(place, DROP_INS)
    theirs = Path(place.units) / "system-app.slice.d"
    theirs.mkdir()
    with pytest.raises(FileExistsError):
        write_drop_ins(place, APP, wanted)
    undo(place)
    assert theirs.is_dir()


def test_no_link_is_followed_out_of_the_directory(place: Place, tmp_path: Path) -> None:
    """Where UNIT.d is a link, nothing is written and nothing is removed behind it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    link = Path(place.units) / "system-app.slice.d"
    link.symlink_to(outside)
    with pytest.raises(OutputError, match="is left alone"):
        write(place)
    assert list(outside.iterdir()) == []
    link.unlink()
    intent = write(place)
    # A user puts a link to a directory of theirs in the place of ours.
    Path(path_of(place, "system-app.slice")).unlink()
    link.rmdir()
    link.symlink_to(outside)
    (outside / DROP_IN).write_text(DROP_INS[1].text, encoding="utf-8")
    with pytest.raises(OutputError, match="is left alone"):
        remove_drop_ins(place, intent)
    assert (outside / DROP_IN).exists()


def test_a_file_that_was_edited_is_left_unless_forced(place: Place) -> None:
    """Nothing at all is removed then; with force it goes."""
    before = tree(place)
    write(place)
    edited = Path(path_of(place, "system-app.slice"))
    edited.write_text("# mine now\n", encoding="utf-8")
    with pytest.raises(OutputError, match="was edited since") as caught:
        undo(place)
    assert caught.value.hint == "undo --force removes it"
    assert Path(path_of(place, APP)).exists()
    undo(place, force=True)
    assert tree(place) == before


def test_a_directory_that_got_other_files_stays(place: Place) -> None:
    """What we made is removed only while it is empty."""
    write(place)
    theirs = Path(place.units) / "system-app.slice.d" / "mine.conf"
    theirs.write_text("[Slice]\n", encoding="utf-8")
    undo(place)
    assert theirs.exists()
    assert list(theirs.parent.iterdir()) == [theirs]


def test_undo_of_what_is_gone_already_is_done(place: Place) -> None:
    """Files, directories or the whole place that a user removed are no error."""
    intent = write(place)
    Path(path_of(place, APP)).unlink()
    Path(path_of(place, "system-app.slice")).unlink()
    (Path(place.units) / "system-app.slice.d").rmdir()
    remove_drop_ins(place, intent)
    nowhere = Place(f"{place.units}/nowhere", place.journal, place.lock)
    remove_drop_ins(nowhere, intent)


def test_a_unit_is_applied_once(place: Place) -> None:
    """What the journal knows is named with the unit whose undo removes it."""
    intent = write(place)
    with pytest.raises(OutputError, match=r"was written for app\.service before") as caught:
        check_drop_ins(place, (DropIn("system-app.slice", "other"),))
    assert caught.value.hint == "unreclaim undo app.service"
    assert read_intents(place) == (intent,)


@pytest.mark.parametrize("name", ["../../app.service", "app", "a/b.service", "x" * 248 + ".service"])
def test_a_name_that_is_no_units_is_refused(place: Place, name: str) -> None:
    """It never becomes a path."""
    with pytest.raises(OutputError, match="is no name of a unit"):
        check_drop_ins(place, (DropIn(name, "x"),))


def test_a_name_too_long_for_a_file_is_refused(place: Place) -> None:
    """Systemd takes names of 255 bytes; ours get a suffix."""
    with pytest.raises(OutputError, match="more than 250 bytes"):
        write_intent(place, Intent("x" * 247 + ".service", ()))


def test_a_journal_that_is_none_stops_everything(place: Place) -> None:
    """Nobody knows what it was about, so nothing is written and nothing removed."""
    write(place)
    journal = Path(place.journal) / f"{APP}.json"
    journal.write_text("{", encoding="utf-8")
    with pytest.raises(OutputError, match="is no journal of unreclaim"):
        read_intents(place)
    assert Path(path_of(place, APP)).exists()


def test_only_one_changes_drop_ins_at_a_time(place: Place) -> None:
    """A second run is refused as long as the first is at it; the lock goes with its process."""
    with locked(place), pytest.raises(OutputError, match="another unreclaim changes drop-ins now"), locked(place):
        pass
    with locked(place):
        pass


def test_places_are_in_etc_or_in_run() -> None:
    """What lasts has its journal in /var/lib, what a reboot takes away in /run; there is one lock for both."""
    lock = "/run/unreclaim"
    assert choose_place(runtime=False) == Place("/etc/systemd/system", "/var/lib/unreclaim/intent", lock)
    assert choose_place(runtime=True) == Place("/run/systemd/system", "/run/unreclaim/intent", lock)


def test_no_name_but_ours_is_written_or_removed(tmp_path: Path) -> None:
    """Each call that changes something refuses every other name, and what is no plain file is not read."""
    (tmp_path / "mine.conf").write_text("x", encoding="utf-8")
    (tmp_path / "mine").mkdir()
    with directory(str(tmp_path)) as within:
        acts: tuple[Callable[[], None], ...] = (
            lambda: write_file("other.conf", b"x", within),
            lambda: write_file("../x.json", b"x", within),
            lambda: replace_file(DROP_IN, b"x", within),
            lambda: remove_file("mine.conf", within),
            lambda: remove_directory("mine", within),
        )
        for act in acts:
            with pytest.raises(PermissionError, match=r"no (file of ours|file of the journal|directory of drop-ins)"):
                act()
        os.mkfifo(tmp_path / DROP_IN)
        with pytest.raises(OSError, match="no plain file of ours"):
            read_file(DROP_IN, within)
        assert not make_directory("mine", within)
    assert sorted(path.name for path in tmp_path.iterdir()) == [DROP_IN, "mine", "mine.conf"]


def test_a_directory_that_cannot_be_removed_is_said(tmp_path: Path) -> None:
    """Not empty, or not there: that is no error; anything else is."""
    (tmp_path / "file.d").write_text("x", encoding="utf-8")
    with directory(str(tmp_path)) as within:
        remove_directory("gone.d", within)
        with pytest.raises(NotADirectoryError):
            remove_directory("file.d", within)


def test_a_place_that_is_no_directory_is_said(tmp_path: Path) -> None:
    """A file where the journal should be is told, not followed."""
    (tmp_path / "var/lib").mkdir(parents=True)
    (tmp_path / "var/lib/unreclaim").write_text("x", encoding="utf-8")
    with pytest.raises(NotADirectoryError):
        write_intent(
            choose_place(str(tmp_path), runtime=False), Intent(APP, (Written(APP, "x", made_directory=False),))
        )
