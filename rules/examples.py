"""Examples in rule files: how a request is written down."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode


def example_body(raw: Mapping[str, Any]) -> tuple[bytes, str | None]:
    """Return an example's body bytes and content type. Raises ValueError for broken base64."""
    body, content_type = b"", None
    if "body" in raw:
        body = raw["body"].encode()
    elif "body_base64" in raw:
        body = base64.b64decode(raw["body_base64"], validate=True)
    elif "json" in raw:
        body, content_type = json.dumps(raw["json"]).encode(), "application/json"
    elif "form" in raw:
        body, content_type = urlencode(raw["form"]).encode(), "application/x-www-form-urlencoded"
    elif "multipart" in raw:
        parts = (
            f'--example\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in raw["multipart"].items()
        )
        body, content_type = "".join([*parts, "--example--\r\n"]).encode(), "multipart/form-data; boundary=example"
    packed = raw.get("packed", "")
    if "gzip" in packed:
        body = gzip.compress(body, mtime=0)
    if "base64" in packed:
        body = base64.b64encode(body)
    return body, content_type
