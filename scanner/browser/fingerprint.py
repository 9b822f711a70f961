"""Recognise a script's code although its content is never twice the same byte for byte. Pure."""

from __future__ import annotations

import hashlib
import re

# One pass, and every alternative looks at its own run of characters only: scripts are large and may be
# hostile. Order matters, the longer shape first. Long plain numbers stay: they are account ids.
_RANDOM = re.compile(
    rb"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"  # uuid
    rb"|\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?"  # ISO time
    rb"|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? \d{1,2} \w{3} \d{4} \d{2}:\d{2}:\d{2}(?: GMT| UTC)?"  # HTTP time
    rb"|(?<![\w.])1[5-9]\d{8}(?:\d{3})?(?:\.\d+)?(?!\w)"  # Unix time, s or ms, 2017 to 2033
    rb"|(?<![0-9A-Za-z_])(?=[a-fA-F]*\d)(?=\d*[a-fA-F])[0-9a-fA-F]{16,}(?![0-9A-Za-z_])"  # hex runs
    rb"|(?<=[\"'=])(?=[A-Za-z_\-+/]*\d)(?=[a-z\d_\-+/]*[A-Z])(?=[A-Z\d_\-+/]*[a-z])"
    rb"[A-Za-z0-9_\-+/]{20,}={0,2}(?=[\"'&])"  # tokens
    rb"|(?<![\w.])0?\.\d{8,}(?!\w)"  # Math.random()
)


def digest(content: bytes) -> str:
    """SHA-256 of `content`, hex."""
    return hashlib.sha256(content).hexdigest()


def fingerprint(content: bytes) -> str:
    """SHA-256, hex, of `content` with random tokens, timestamps, hex runs and UUIDs taken out.

    Equal for a script that a server stamps anew for every visitor; different as soon as code,
    names, hosts or short ids (accounts) change.
    """
    return hashlib.sha256(_RANDOM.sub(b"~", content)).hexdigest()
