"""How long something takes, on a machine that others use as well."""

from __future__ import annotations

import time
from collections.abc import Callable

TRIES = 3


def cpu_seconds(work: Callable[[], object], enough: float = 1.0) -> float:
    """Return the CPU time of `work`: of the fastest of three tries, or of the first that takes less than `enough`.

    What is slow by nature is slow each time; a neighbour's rush is not. `work` must not remember its answer.
    """
    took: list[float] = []
    while len(took) < TRIES and not (took and took[-1] < enough):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return min(took)
