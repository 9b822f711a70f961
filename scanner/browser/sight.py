"""How much of a page is drawn. Without a graphics card that is a tenth of a visit, and nobody looks.

The page has its whole viewport and cannot tell: layout, inputs and observers go by that. Only a corner of it is shown.
"""

from __future__ import annotations

import base64

from scanner.browser.channel import Channel, ChannelError
from scanner.browser.settings import viewport_of
from scanner.model import Profile

_CORNER = (64, 36)


def see_little(page: Channel) -> None:
    """Draw a corner of the page only, from now on."""
    _see(page, _CORNER)


async def take_screenshot(page: Channel, profile: Profile, timeout_s: float) -> bytes | None:
    """Return a JPEG of what is in view; None: the page did not let us."""
    _see(page, viewport_of(profile))
    try:
        answer = await page.call("Page.captureScreenshot", {"format": "jpeg", "quality": 60}, timeout_s)
        return base64.b64decode(str(answer["data"]))
    except (ChannelError, KeyError, ValueError):
        return None
    finally:
        see_little(page)


def _see(page: Channel, size: tuple[int, int]) -> None:
    page.tell("Emulation.setVisibleSize", {"width": size[0], "height": size[1]})
