"""Do what a person's first seconds on a page do: move, press, tap, scroll. Follow no link, submit nothing.

Tags that wait for the first sign of a human wake up; lazy frames and IntersectionObservers see the page's end.
"""

from __future__ import annotations

import asyncio
import contextlib

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Frame, Page

from scanner.browser.channel import Channel, ChannelError, NoAnswer, Params

_MAX_FRAMES = 60

# A spot where a tap does nothing by itself: no link, control, frame, or anything that looks clickable.
# A screen that is not touched for real tells of no touches; listeners that wait for the first one hear these.
_FIND_SPOT = """(isTouchScreen => {
  const touch = () => { try { for (const kind of ['touchstart', 'touchmove', 'touchend'])
    document.dispatchEvent(new Event(kind, {bubbles: true, cancelable: true})); } catch (e) {} };
  const busy = 'a,area,button,input,select,textarea,label,summary,details,iframe,frame,video,audio,object,embed,' +
    'form,[onclick],[role=button],[role=link],[role=menuitem],[contenteditable],[tabindex]';
  const w = innerWidth, h = innerHeight;
  if (!isTouchScreen) touch();
  for (const fy of [0.5, 0.3, 0.7, 0.9, 0.15, 0.6, 0.05, 0.98]) for (const fx of [0.5, 0.02, 0.98, 0.25, 0.75]) {
    const x = Math.round(w * fx), y = Math.round(h * fy), e = document.elementFromPoint(x, y);
    if (!e) continue;
    if (e === document.body || e === document.documentElement) return [x, y];
    if (!e.shadowRoot && !e.closest(busy) && getComputedStyle(e).cursor !== 'pointer') return [x, y];
  }
  if (isTouchScreen) touch();
  return null;
})(%s)"""

# One frame of real time for each step, so that observers notice; long pages get longer steps.
_SCROLL = """(async () => {
  const most = 40, root = document.scrollingElement || document.documentElement;
  let box = root;
  if (!root || root.scrollHeight <= innerHeight + 1) {
    for (let e = document.elementFromPoint(innerWidth / 2, innerHeight / 2); e; e = e.parentElement)
      if (e.scrollHeight > e.clientHeight + 50 && /auto|scroll/.test(getComputedStyle(e).overflowY)) { box = e; break; }
  }
  if (!box) return 0;
  const frame = () => new Promise(done => { requestAnimationFrame(() => done()); setTimeout(done, 100); });
  const step = Math.max(innerHeight * 0.9, (box.scrollHeight - innerHeight) / most);
  let n = 0;
  for (let y = step; n < most; y += step, n++) {
    box.scrollTo({top: y, behavior: 'instant'});
    await frame();
    if (y + innerHeight >= box.scrollHeight) break;
  }
  await frame();
  // Boxes within the page: lists, chats, carousels.
  let boxes = 0, seen = 0;
  for (const e of document.body ? document.body.getElementsByTagName('*') : []) {
    if (++seen > 4000 || boxes >= 8) break;
    if (e === box || e.clientHeight < 50) continue;
    const down = e.scrollHeight - e.clientHeight, right = e.scrollWidth - e.clientWidth;
    if (down < 50 && right < 50) continue;
    const {overflowY, overflowX} = getComputedStyle(e);
    if (!(down >= 50 && /auto|scroll/.test(overflowY)) && !(right >= 50 && /auto|scroll/.test(overflowX))) continue;
    boxes++;
    for (const part of [0.3, 0.65, 1]) {
      e.scrollTo({top: down * part, left: right * part, behavior: 'instant'});
      await frame();
    }
  }
  return n;
})()"""

_SHIFT = {"key": "Shift", "code": "ShiftLeft", "windowsVirtualKeyCode": 16}


async def wake(channel: Channel, timeout_s: float, *, touch_screen: bool = False, again: bool = False) -> bool:
    """Send one of each input, on a spot that does nothing by itself. False: the page did not even say where.

    `again`: the second time the pointer comes from elsewhere, and the wheel turns back.

    `touch_screen`: press by touching, as people with a phone do. A browser with a mouse takes touches as well, but
    when the machine is busy it may wait for ever for a page's answer to one.
    """
    try:
        expression = _FIND_SPOT % ("true" if touch_screen else "false")
        answer = await channel.call(
            "Runtime.evaluate", {"expression": expression, "returnByValue": True}, timeout_s=timeout_s
        )
    except ChannelError:
        return False
    wheel = -400 if again else 40
    spot = answer.get("result", {}).get("value")
    x, y = spot if isinstance(spot, list) and len(spot) == 2 else (1, 1)
    inputs: list[tuple[str, Params]] = [
        ("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": x + 3 * again, "y": y + 2 * again}),
        ("Input.dispatchKeyEvent", {"type": "keyDown", **_SHIFT}),
        ("Input.dispatchKeyEvent", {"type": "keyUp", **_SHIFT}),
        ("Input.dispatchMouseEvent", {"type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": wheel}),
    ]
    if spot:
        inputs += _touches(x, y) if touch_screen else _clicks(x, y)
    # Some inputs are answered with the next frame only. What the page makes of them does not wait for the answer.
    await asyncio.gather(
        *(channel.call(method, params, timeout_s=timeout_s) for method, params in inputs), return_exceptions=True
    )
    return True


def _clicks(x: float, y: float) -> list[tuple[str, Params]]:
    at = {"x": x, "y": y, "button": "left", "clickCount": 1}
    return [
        ("Input.dispatchMouseEvent", {"type": "mousePressed", **at}),
        ("Input.dispatchMouseEvent", {"type": "mouseReleased", **at}),
    ]


def _touches(x: float, y: float) -> list[tuple[str, Params]]:
    return [
        ("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]}),
        ("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x + 1, "y": y + 1}]}),
        ("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []}),
    ]


async def scroll_to_end(channel: Channel, timeout_s: float) -> bool:
    """Scroll to the page's end in steps. False: it did not get there in time."""
    try:
        await channel.call("Runtime.evaluate", {"expression": _SCROLL, "awaitPromise": True}, timeout_s=timeout_s)
    except NoAnswer:
        return False
    except ChannelError:
        return True
    return True


# What a page hears when its visitor leaves. Navigating away for real would lose the last beacons.
_LEAVE = """(() => {
  const hidden = {configurable: true, get: () => 'hidden'}, yes = {configurable: true, get: () => true};
  Object.defineProperty(document, 'visibilityState', hidden);
  Object.defineProperty(document, 'hidden', yes);
  const fire = (target, event) => { try { target.dispatchEvent(event); } catch (e) {} };
  // The pointer goes first, up to the tabs: many a page takes that for the moment to speak up.
  const up = {bubbles: true, clientX: innerWidth / 2, clientY: -1, relatedTarget: null};
  fire(document.documentElement, new MouseEvent('mouseout', up));
  for (const target of [document.documentElement, document])
    fire(target, new MouseEvent('mouseleave', {...up, bubbles: false}));
  fire(document, new Event('visibilitychange', {bubbles: true}));
  fire(window, new Event('blur'));
  fire(window, new Event('beforeunload', {cancelable: true}));
  if (window === top && self.PageSwapEvent) fire(window, new PageSwapEvent('pageswap'));
  fire(window, new PageTransitionEvent('pagehide', {persisted: false}));
  fire(window, new Event('unload'));
  fire(document, new Event('freeze'));
})()"""


async def leave(root: Channel, page: Page, timeout_s: float) -> None:
    """Tell the page and every frame in it that the visitor leaves. A frame that does not listen is left alone."""

    async def tell(frame: Frame) -> None:
        with contextlib.suppress(PlaywrightError):
            await frame.evaluate(_LEAVE)

    async def tell_page() -> None:
        with contextlib.suppress(ChannelError):
            await root.call("Runtime.evaluate", {"expression": _LEAVE}, timeout_s)

    frames = [frame for frame in page.frames if frame is not page.main_frame]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await asyncio.gather(tell_page(), *(tell(frame) for frame in frames[:_MAX_FRAMES]))
