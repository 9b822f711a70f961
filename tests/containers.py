"""Tag-manager containers as Google serves them, in small, built from plain values."""

from __future__ import annotations

import json
from typing import Any

PINTEREST_ACCOUNT = "2612345678901"
PINTEREST = {
    "function": "__html",
    "tag_id": 12,
    "vtp_html": (
        '<script type="text/gtmscript">!function(e){}("https://s.pinimg.com/ct/core.js");'
        f'pintrk("load","{PINTEREST_ACCOUNT}",{{em:"{{{{email}}}}"}});pintrk("page");pintrk("track","signup");</script>'
    ),
}
GA4_EVENT = {
    "function": "__gaawe",
    "tag_id": 7,
    "vtp_eventName": "appointment_click",
    "vtp_measurementIdOverride": "G-ABCDEF1234",
}
WIDGET = {"function": "__html", "tag_id": 9, "vtp_html": "<script src='https://cdn.widgets.test/w.js'></script>"}
ALWAYS, ON_THANK_YOU = 0, 1


def container_js(
    *tags: tuple[dict[str, Any], int], version: str = "41", container_id: str = "GTM-ABC1234", code: str = ""
) -> str:
    """A gtm.js with these tags, each with its trigger: `ALWAYS`, or `ON_THANK_YOU` pages only."""
    rules = [[["if", 0] if when == ALWAYS else ["if", 0, 1], ["add", place]] for place, (_, when) in enumerate(tags)]
    resource = {
        "version": version,
        "macros": [{"function": "__e"}, {"function": "__u", "vtp_component": "PATH"}],
        "tags": [tag for tag, _ in tags],
        "predicates": [
            {"function": "_eq", "arg0": ["macro", 0], "arg1": "gtm.js"},
            {"function": "_cn", "arg0": ["macro", 1], "arg1": "/thank-you"},
        ],
        "rules": rules,
    }
    text = json.dumps({"resource": resource})
    return f'(function(){{\nvar data = {text};\nvar q={{ctid:"{container_id}"}};{code}\n}})()'
