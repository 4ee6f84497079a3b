"""Steps are done apart; a filesystem that does not answer is asked once."""

from collections.abc import Iterator

import pytest

from unreclaim.apply import reclaim
from unreclaim.apply.apart import Alive, Answer, Work
from unreclaim.apply.reclaim import HostActions
from unreclaim.model.census import Pin, PinKind
from unreclaim.model.recovery import DROP_CACHES, Rung, Step, StepResult


def fadvise(name: str, device: str) -> Step:
    """Make a step on a file of a device."""
    return Step(Rung.FADVISE, name, "", pin=Pin(PinKind.PAGE_CACHE, 4096, 1, f"/{name}", device, 7))


def apart(work: Work, number: int, _timeout: float) -> Iterator[Answer]:
    """Do the work here, until the first that is called stuck."""
    for index in range(number):
        try:
            note = work(index, lambda: None)
        except TimeoutError:
            yield Answer(index, done=False, note="no answer", stuck=True)
            return
        yield Answer(index, done=True, note=note)


@pytest.fixture
def acted(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Keep what was to be done, and let device 0:99 not answer."""
    done: list[object] = []

    def drop(pin: Pin) -> None:
        done.append(pin.path)
        if pin.device == "0:99":
            raise TimeoutError

    def write(file: str, texts: tuple[str, ...], _alive: Alive) -> str:
        done.append((file, texts))
        return "less"

    monkeypatch.setattr(reclaim, "run_apart", apart)
    monkeypatch.setattr(reclaim, "drop_file_cache", drop)
    monkeypatch.setattr(reclaim, "write_texts", write)
    monkeypatch.setattr("unreclaim.apply.reclaim.os.sync", lambda: done.append("sync"))
    return done


def test_each_step_is_what_it_says(acted: list[object]) -> None:
    """A file's cache is dropped, a file of the kernel written, the disks synced; nothing else is done for a step."""
    file = fadvise("a", "8:1")
    write = Step(Rung.RECLAIM, "reclaim", "", file="/cg/memory.reclaim", texts=("1", "1"))
    sync = Step(Rung.RECLAIM, "sync", "", syncs=True)
    drop = Step(Rung.DROP_CACHES, "drop", "", file=DROP_CACHES, texts=("1",))
    actions = HostActions()
    assert list(actions.enact((file,))) == [StepResult(file, done=True)]
    both = [StepResult(sync, done=True), StepResult(write, done=True, note="less")]
    assert list(actions.enact((sync, write))) == both
    assert list(actions.enact((drop,))) == [StepResult(drop, done=True, note="less")]
    assert acted == ["/a", "sync", ("/cg/memory.reclaim", ("1", "1")), (DROP_CACHES, ("1",))]
    named = Step(Rung.RESTART, "restart", "")
    with pytest.raises(KeyError):
        list(actions.enact((named,)))


def test_a_filesystem_that_does_not_answer_is_asked_once(acted: list[object]) -> None:
    """Its other files are not tried, those of other filesystems are; each step has its result."""
    steps = (fadvise("a", "8:1"), fadvise("b", "0:99"), fadvise("c", "8:1"), fadvise("d", "0:99"), fadvise("e", "8:1"))
    skipped = "not tried: its filesystem did not answer before"
    assert list(HostActions().enact(steps)) == [
        StepResult(steps[0], done=True),
        StepResult(steps[1], done=False, note="no answer"),
        StepResult(steps[3], done=False, note=skipped),
        StepResult(steps[2], done=True),
        StepResult(steps[4], done=True),
    ]
    assert acted == ["/a", "/b", "/c", "/e"]


def test_a_step_without_a_file_keeps_no_other_from_being_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reclaim at one cgroup that does not answer leaves the others; it ends whatever happens."""
    monkeypatch.setattr(reclaim, "run_apart", lambda *_: iter([Answer(0, done=False, note="no answer", stuck=True)]))
    steps = tuple(Step(Rung.RECLAIM, name, "", file=f"/{name}/memory.reclaim") for name in "abc")
    assert list(HostActions().enact(steps)) == [StepResult(step, done=False, note="no answer") for step in steps]
