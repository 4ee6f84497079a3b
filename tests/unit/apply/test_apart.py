"""Work that may block is done apart: answers come one by one, and what does not answer is given up."""

import errno
import os
import signal
import time
from pathlib import Path

import pytest

from unreclaim.apply.apart import Alive, Answer, run_apart


def test_each_answer_comes_with_its_remark_or_error() -> None:
    """The work of each index is done in order; an error of one keeps no other from being done."""

    def work(index: int, _alive: Alive) -> str | None:
        if index == 1:
            raise OSError(errno.EACCES, "Permission denied", "/x")
        return "less than asked" if index == 2 else None

    assert list(run_apart(work, 4, 10)) == [
        Answer(0, done=True),
        Answer(1, done=False, note="Permission denied"),
        Answer(2, done=True, note="less than asked"),
        Answer(3, done=True),
    ]


def test_many_long_answers_are_all_read() -> None:
    """Answers that fill the pipe many times over arrive whole."""
    answers = list(run_apart(lambda index, _alive: f"{index} " + "x" * 2000, 300, 10))
    assert [answer.note for answer in answers] == [f"{index} " + "x" * 2000 for index in range(300)]


def test_it_is_done_in_another_process() -> None:
    """What the work changes in memory is not changed here, and nobody is left behind."""
    seen: list[int] = []

    def work(index: int, _alive: Alive) -> str:
        seen.append(index)
        return str(os.getpid())

    answer = next(iter(run_apart(work, 1, 10)))
    assert seen == []
    assert answer.note not in (None, str(os.getpid()))
    assert not Path(f"/proc/{answer.note}").exists()


def test_what_does_not_answer_is_given_up_and_the_rest_not_begun(tmp_path: Path) -> None:
    """After the time limit the child is ended; the answer says so, and it is the last."""

    def work(index: int, _alive: Alive) -> None:
        (tmp_path / str(index)).write_text(str(os.getpid()))
        time.sleep(60 if index == 1 else 0)

    answers = list(run_apart(work, 3, 0.3))
    assert answers == [
        Answer(0, done=True),
        Answer(1, done=False, note="no answer within 0 seconds", stuck=True),
    ]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["0", "1"]
    assert not Path("/proc", (tmp_path / "1").read_text()).exists()


def test_long_work_that_gets_on_is_not_given_up() -> None:
    """Each sign of life begins the time limit anew; without one the same work is stuck."""

    def work(index: int, alive: Alive) -> str:
        for _ in range(10):
            time.sleep(0.1)
            if index == 0:
                alive()
        return "at last"

    assert list(run_apart(work, 2, 0.5)) == [
        Answer(0, done=True, note="at last"),
        Answer(1, done=False, note="no answer within 0 seconds", stuck=True),
    ]


def test_a_fork_that_fails_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit on processes is an error, and no descriptor stays."""

    def refuse() -> int:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr("unreclaim.apply.apart.os.fork", refuse)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(BlockingIOError):
        list(run_apart(lambda _index, _alive: None, 1, 10))
    assert os.listdir("/proc/self/fd") == before


def test_what_is_blocked_in_the_kernel_is_left_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that cannot be killed does not hold the program up; its number is told."""
    blocked: list[int] = []
    kill = os.kill

    def refuse(pid: int, _number: int) -> None:
        blocked.append(pid)

    monkeypatch.setattr("unreclaim.apply.apart.os.kill", refuse)
    monkeypatch.setattr("unreclaim.apply.apart._GRACE_SECONDS", 0.05)
    answer = next(iter(run_apart(lambda _index, _alive: time.sleep(60), 1, 0.1)))
    kill(blocked[0], signal.SIGKILL)
    os.waitpid(blocked[0], 0)
    why = f"no answer within 0 seconds; process {blocked[0]} is still blocked in the kernel"
    assert answer == Answer(0, done=False, note=why, stuck=True)


def test_a_child_that_dies_is_an_answer_too() -> None:
    """A fault in the work, or the OOM killer, ends the child: it is said, and the program goes on."""

    def work(index: int, _alive: Alive) -> None:
        if index == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    assert list(run_apart(work, 3, 10)) == [
        Answer(0, done=True),
        Answer(1, done=False, note="the process that was to do it ended early", stuck=True),
    ]


def test_an_interrupt_ends_the_child(tmp_path: Path) -> None:
    """Ctrl-C while it is waited for is raised here and ends the child, which does not run this program's end."""

    def work(_index: int, _alive: Alive) -> None:
        (tmp_path / "pid").write_text(str(os.getpid()))
        os.kill(os.getppid(), signal.SIGINT)
        time.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        list(run_apart(work, 1, 30))
    assert not Path("/proc", (tmp_path / "pid").read_text()).exists()


def test_signals_are_taken_again_afterwards() -> None:
    """The mask of signals is as it was, and the child takes each of them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    mask = next(iter(run_apart(lambda _index, _alive: str(signal.pthread_sigmask(signal.SIG_BLOCK, ())), 1, 10))).note
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
    assert mask == "set()"
