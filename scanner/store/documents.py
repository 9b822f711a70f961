"""Which values are stored as documents, in which format, compressed how, and their digests. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import zstandard

from scanner.model import (
    Coverage,
    Identity,
    Incident,
    PageCapture,
    PageInventory,
    Profile,
    RequestRecord,
    ScanRecord,
    ScanSummary,
    Sighting,
    SkippedPage,
    SourceSignal,
    TagCount,
)
from scanner.store.codec import CodecError, Format

CAPTURE = Format[PageCapture](
    "capture",
    PageCapture,
    shared={
        # The same inline code, container and config stands on every page of a site.
        SourceSignal: {"text": 256},
        RequestRecord: {"response_body": 256, "body": 16 * 1024},
        PageCapture: {"screenshot": 1},
    },
)
INVENTORY = Format[PageInventory](
    "inventory",
    PageInventory,
    # Most of what is on one page of a site is on all of them.
    repeated=frozenset({Identity, Sighting}),
)
SKIPPED = Format[tuple[SkippedPage, ...]]("skipped", tuple[SkippedPage, ...])
COVERAGE = Format[Coverage]("coverage", Coverage)
PROFILE = Format[Profile]("profile", Profile)
SCAN = Format[ScanRecord]("scan", ScanRecord)
TAG_COUNTS = Format[tuple[TagCount, ...]]("tag-counts", tuple[TagCount, ...])
SUMMARY = Format[ScanSummary]("summary", ScanSummary)
INCIDENT = Format[Incident]("incident", Incident)

_LEVEL = 3
_LARGEST_BYTES = 2**31
"""No stored value comes near; a damaged length must not ask for all the memory there is."""


def pack(raw: bytes) -> bytes:
    """Compress with zstd; a checksum inside notices damage."""
    return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(raw)


def unpack(packed: bytes) -> bytes:
    """Reverse `pack`. Raises `CodecError` on damage."""
    try:
        if zstandard.frame_content_size(packed) > _LARGEST_BYTES:
            raise CodecError("damaged: impossible length")
        return zstandard.ZstdDecompressor().decompress(packed)
    except (zstandard.ZstdError, TypeError) as error:
        raise CodecError(f"damaged: {error}") from error


def digest(raw: bytes) -> bytes:
    """SHA-256, 32 bytes."""
    return sha256(raw).digest()


def capture_digest(document: bytes, blob_digests: Sequence[bytes]) -> bytes:
    """SHA-256 over a capture's document and, in order, the digests of the blobs it points at."""
    whole = sha256(digest(document))
    for one in blob_digests:
        whole.update(one)
    return whole.digest()
