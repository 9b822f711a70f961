"""Inputs that once raised or took long, in generators: a megabyte each would swell the repository."""

from __future__ import annotations

import base64
import random
from collections.abc import Mapping
from types import MappingProxyType

MEGABYTE = 1024 * 1024
_CHANCE = random.Random(20260303)
IN_QUERY = bytes((0, 0, 1, 0))
"""`tests.fuzz.targets.decode`: the first rule's address, what follows is its query."""

FOUND: Mapping[str, tuple[str, bytes]] = MappingProxyType(
    {
        "every token as long as a digest was looked for from the start of the text": (
            "decode",
            IN_QUERY + b" ".join(base64.b64encode(_CHANCE.randbytes(30)) for _ in range(MEGABYTE // 41)),
        ),
        "a name of nothing but percent signs was unquoted twice": ("decode", IN_QUERY + b"%" * MEGABYTE),
        "a field's name was sought from within every word": ("decode", IN_QUERY + b"phone " + b"z" * MEGABYTE),
        "any list called tags was a container": ("container", b"export const resource={tags:['a'],version:1}"),
    }
)
"""What went wrong → (target, input)."""
