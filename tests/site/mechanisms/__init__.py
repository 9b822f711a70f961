"""The fixture site: every mechanism, one page each."""

from __future__ import annotations

from tests.site.mechanisms.base import FIRST, Expected, Mechanism, Multipart, Seen, flatten
from tests.site.mechanisms.bodies import BODIES
from tests.site.mechanisms.carriers import CARRIERS
from tests.site.mechanisms.frames import FRAMES
from tests.site.mechanisms.journeys import HUGE, JOURNEYS
from tests.site.mechanisms.loaders import LOADERS, STREAMS
from tests.site.mechanisms.markup import MARKUP
from tests.site.mechanisms.moments import MOMENTS
from tests.site.mechanisms.reports import REPORTS
from tests.site.mechanisms.signs import SIGNS
from tests.site.mechanisms.styles import STYLES
from tests.site.mechanisms.triggers import TRIGGERS
from tests.site.mechanisms.workers import WORKERS
from tests.site.reply import Reply

MECHANISMS: tuple[Mechanism, ...] = tuple(
    flatten(
        MARKUP,
        BODIES,
        LOADERS,
        STREAMS,
        WORKERS,
        MOMENTS,
        JOURNEYS,
        HUGE,
        REPORTS,
        FRAMES,
        STYLES,
        SIGNS,
        CARRIERS,
        TRIGGERS,
    )
)

REPLIES: dict[str, Reply] = {key: reply for entry in MECHANISMS for key, reply in entry.replies.items()}
"""What the server answers for the whole site."""

__all__ = ["FIRST", "MECHANISMS", "REPLIES", "Expected", "Mechanism", "Multipart", "Seen"]
