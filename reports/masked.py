"""Examples without what could name a person: the one place where reports call the masking. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, urlsplit

from reports.model import RequestView
from scanner.model import ExposureKind

_TELLS_NOTHING = re.compile(r"-?\d{1,4}(\.\d{1,2})?|true|false|yes|no|[A-Z]{3}|", re.IGNORECASE)
_HASHED = re.compile(r"(sha-?\d+|md5)\b|^(?:[0-9a-f]{2,}…|[0-9a-f]{32,})", re.IGNORECASE)
_MAX_PARAMETERS = 200


def mask_value(value: str, kind: str) -> str:
    """Return `value` so that it shows its nature and not the person; `kind` is an `ExposureKind`, or anything else."""
    return f"‹{len(value)} characters›"


def mask_request(url: str, kinds: Mapping[str, str], plain: Iterable[str] = ()) -> RequestView | None:
    """Take a request's URL apart and mask its values; None if it is not a URL with a host.

    `kinds` says which field (`ad.loc`, `ud[em]`) carries which exposure kind. `plain` are values that are no secret
    and help the reader: account ids and event names. Of everything else only trifles (small numbers, yes and no,
    currencies) are shown.
    """
    try:
        parts = urlsplit(url[:100_000])
        named = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=5_000)
    except ValueError:
        return None
    if not parts.hostname:
        return None
    shown = frozenset(plain)
    heads = {re.split(r"[.\[]", field)[0]: kind for field, kind in sorted(kinds.items(), reverse=True)}
    parameters = [
        (
            name,
            value
            if value in shown or _TELLS_NOTHING.fullmatch(value)
            else mask_value(value, kinds.get(name, heads.get(name, ""))),
        )
        for name, value in named[:_MAX_PARAMETERS]
    ]
    if len(named) > _MAX_PARAMETERS:
        parameters.append(("…", f"{len(named) - _MAX_PARAMETERS:,} more parameters"))
    # Credentials in an address are nobody's business; the port is part of it.
    return RequestView(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}", tuple(parameters))


def form_of(examples: Iterable[str]) -> str:
    """Say how masked examples were written: `hashed` if any of them is, else unknown (empty)."""
    return "hashed" if any(_HASHED.search(example) for example in examples) else ""


__all__ = ["ExposureKind", "form_of", "mask_request", "mask_value"]
