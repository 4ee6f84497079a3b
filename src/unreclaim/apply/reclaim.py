"""Does the steps of a recovery that this program does itself, each in a child process with a time limit."""

import os
from collections.abc import Iterator
from functools import partial

from unreclaim.apply.apart import Alive, run_apart
from unreclaim.apply.file_cache import drop_file_cache
from unreclaim.apply.kernel_files import write_texts
from unreclaim.model.recovery import Rung, Step, StepResult

TIMEOUT_SECONDS = {Rung.FADVISE: 30.0, Rung.RECLAIM: 60.0, Rung.DROP_CACHES: 120.0}


class HostActions:
    """Acts on the running host."""

    def enact(self, steps: tuple[Step, ...]) -> Iterator[StepResult]:
        """Do steps of one rung, and give what became of each as soon as it is known.

        A file that does not answer is given up, and so are the others on its filesystem.
        """
        while steps:
            done = 0
            for answer in run_apart(partial(_do, steps), len(steps), TIMEOUT_SECONDS[steps[0].rung]):
                yield StepResult(steps[answer.index], answer.done, answer.note)
                done = answer.index + 1
                if answer.stuck and (device := _device(steps[answer.index])) is not None:
                    for step in steps[done:]:
                        if _device(step) == device:
                            yield StepResult(step, done=False, note="not tried: its filesystem did not answer before")
                    steps = (*steps[:done], *(step for step in steps[done:] if _device(step) != device))
            steps = steps[done:]


def _do(steps: tuple[Step, ...], index: int, alive: Alive) -> str | None:
    step = steps[index]
    if step.pin is not None and step.rung == Rung.FADVISE:
        drop_file_cache(step.pin)
    elif step.syncs:
        os.sync()
    elif step.file is not None:
        return write_texts(step.file, step.texts, alive)
    return None


def _device(step: Step) -> str | None:
    return step.pin.device if step.pin else None
