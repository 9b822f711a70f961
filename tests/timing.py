"""How much work something is, on a machine that may be slow, or shared.

Seconds say more about the machine than about the code. So the work is compared with a yardstick that is measured
beside it, in the same moments: what is slow by nature takes many yardsticks on every machine.
"""

from __future__ import annotations

import gc
import re
import time
from collections import Counter
from collections.abc import Callable

TRIES = 3
BOUND = 60.0
"""What a megabyte of hostile input may take: forty are a second of an idle core, the slowest known takes thirty."""

_TEXT = "the quick brown fox jumps over 13 lazy dogs, says (4711) nobody; " * 3_600


def _yardstick() -> float:
    began = time.process_time()
    Counter(word.lower() for word in re.findall(r"[a-z]+|\d+", _TEXT))
    return time.process_time() - began


def yardsticks(work: Callable[[], object], bound: float = BOUND) -> float:
    """Return the CPU time of `work` in yardsticks: the least of three tries, or the first that is within `bound`.

    The yardstick is taken before and after each try, and the slower one counts: a neighbour's rush slows both.
    `work` must not remember its answer. The garbage of a whole test run is not its matter: nobody looks for it
    meanwhile, nor before, which took longer than the work.
    """
    gc.disable()
    try:
        return _fewest(work, bound)
    finally:
        gc.enable()


def _fewest(work: Callable[[], object], bound: float) -> float:
    took: list[float] = []
    while len(took) < TRIES and not (took and took[-1] < bound):
        before = _yardstick()
        began = time.process_time()
        work()
        spent = time.process_time() - began
        took.append(spent / max(before, _yardstick()))
    return min(took)
