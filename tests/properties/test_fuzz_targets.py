"""What the fuzzer begins with and what was found: neither raises nor takes long."""

from __future__ import annotations

import pytest

from tests.fuzz.found import FOUND
from tests.fuzz.targets import TARGETS, seeds
from tests.timing import BOUND, yardsticks


@pytest.mark.parametrize("target", TARGETS)
def test_the_fuzzer_begins_with_inputs_that_are_read(target: str) -> None:
    inputs = seeds(target)
    assert inputs and len(set(inputs)) > len(inputs) // 2
    for raw in inputs[::10]:
        TARGETS[target](raw)
        TARGETS[target](raw[: len(raw) * 2 // 3])


@pytest.mark.parametrize(("target", "raw"), FOUND.values(), ids=FOUND)
def test_what_was_found_is_answered_within_a_second(target: str, raw: bytes) -> None:
    TARGETS[target](raw[:1000])  # rules and lists are read before the clock starts
    assert yardsticks(lambda: TARGETS[target](raw)) < BOUND
