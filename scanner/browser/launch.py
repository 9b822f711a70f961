"""Find a browser on this machine, install one, start one."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from playwright.async_api import Browser, Playwright, async_playwright
from playwright.async_api import Error as PlaywrightError

from scanner.browser import handover
from scanner.browser.settings import BrowserSettings, launch_flags, user_agent_for
from scanner.browser.wire import Wire
from scanner.errors import CannotRun

_NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser", "chrome")
# Distributions wrap the binary in a shell script that adds flags of its own (Debian's switches
# `<a ping>` off and brings API keys): the binary behind it is asked for first.
_BEHIND_WRAPPERS = {"chromium": ("/usr/lib/chromium/chromium", "/usr/lib64/chromium-browser/chromium-browser")}
_MAC_PATHS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
_LAUNCH_TIMEOUT_MS = 60_000
_DRIVERS_END_S = 0.2
_HANDOVER_TIMEOUT_S = 10.0
_LONG_PATH = 70


class DriverTrouble(CannotRun):
    """Playwright's driver does not start, whatever the browser is like."""


@dataclass(frozen=True, slots=True)
class FoundBrowser:
    """A browser that can be started."""

    path: str
    version: str
    """As the browser prints it, e.g. `Chromium 156.0.8078.79`; empty when it did not answer."""
    source: str
    """environment | installed | playwright"""


def candidates(environment: Mapping[str, str], which: Mapping[str, str], platform: str) -> list[tuple[str, str]]:
    """Return (path, source) of browsers to try, best first. `which`: browser names found on PATH → their paths."""
    if chosen := environment.get("TAGDRIFT_BROWSER"):
        return [(chosen, "environment")]
    found: list[tuple[str, str]] = []
    for name in _NAMES:
        if name in which:
            found += [(path, "installed") for path in _BEHIND_WRAPPERS.get(name, ())]
            found.append((which[name], "installed"))
    if platform == "darwin":
        home = environment.get("HOME", "")
        found += [(path, "installed") for path in _MAC_PATHS]
        found += [(home + path, "installed") for path in _MAC_PATHS if home]
    return found


def find_browser(playwright_path: str | None = None) -> FoundBrowser:
    """Return the browser to use: `TAGDRIFT_BROWSER`, else an installed one, else Playwright's own.

    `playwright_path` is where Playwright would have put its download, where that is known.

    Raises:
        CannotRun: there is none, with the command that installs one.
    """
    which = {name: path for name in _NAMES if (path := shutil.which(name))}
    tried = candidates(os.environ, which, sys.platform)
    tried += [(path, "playwright") for path in (playwright_path, *_playwright_downloads()) if path]
    for path, source in tried:
        if os.access(path, os.X_OK) and Path(path).is_file():
            return FoundBrowser(path, browser_version(path), source)
        if source == "environment":
            raise CannotRun(
                f"TAGDRIFT_BROWSER names {path}, which is not a program", hint="correct or unset TAGDRIFT_BROWSER"
            )
    raise CannotRun("no Chromium or Chrome found on this machine", hint="run: tagdrift doctor --install-browser")


def _playwright_downloads() -> Iterable[str]:
    """Paths of browsers that Playwright downloaded for this user, newest first."""
    chosen = os.environ.get("PLAYWRIGHT_BROWSERS_PATH", "")
    if sys.platform == "darwin":
        base = Path(chosen) if chosen not in ("", "0") else Path.home() / "Library/Caches/ms-playwright"
        pattern = "chromium-*/chrome-mac*/*.app/Contents/MacOS/*"
    else:
        base = Path(chosen) if chosen not in ("", "0") else Path.home() / ".cache/ms-playwright"
        pattern = "chromium-*/chrome-linux*/chrome"
    return [str(path) for path in sorted(base.glob(pattern), reverse=True)]


@lru_cache(maxsize=8)
def browser_version(path: str) -> str:
    """Return what `path --version` prints, or an empty string when it does not answer within 20 s."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=False)  # noqa: S603 - the user's own browser
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def install_commands(platform: str, has: Iterable[str], is_root: bool) -> list[list[str]]:
    """Return commands that would install a browser, best first; each is tried until one leaves a browser behind.

    `has`: which of apt-get, dnf, sudo, brew exist on this machine.
    """
    tools = set(has)
    playwright = [sys.executable, "-m", "playwright", "install", "chromium"]
    if platform == "darwin":
        brew = [["brew", "install", "--cask", "google-chrome"]] if "brew" in tools else []
        return [*brew, playwright]
    prefix = [] if is_root else (["sudo", "-n"] if "sudo" in tools else None)
    commands: list[list[str]] = []
    if prefix is not None and "apt-get" in tools:
        commands.append([*prefix, "apt-get", "update"])  # a fresh image knows of no packages
        commands += [
            [*prefix, "apt-get", "install", "-y", "--no-install-recommends", package]
            for package in ("chromium", "chromium-browser")
        ]
    if prefix is not None and "dnf" in tools:
        commands.append([*prefix, "dnf", "install", "-y", "chromium"])
    return [*commands, playwright]


def install_browser(timeout_s: int = 900) -> FoundBrowser:
    """Install a browser: the distribution's package, else Playwright's download. Output goes to this process's own.

    Raises:
        CannotRun: no way worked; the text names every command that was tried.
    """
    tools = [tool for tool in ("apt-get", "dnf", "sudo", "brew") if shutil.which(tool)]
    commands = install_commands(sys.platform, tools, _is_root())
    for command in commands:
        try:
            subprocess.run(command, timeout=timeout_s, check=False, stdout=sys.stderr)  # noqa: S603 - fixed commands
        except (OSError, subprocess.TimeoutExpired):
            continue
        try:
            return find_browser()
        except CannotRun:
            continue
    tried = "; ".join(" ".join(command) for command in commands)
    raise CannotRun(
        f"could not install a browser (tried: {tried})",
        hint="install Chromium or Google Chrome by hand, or point TAGDRIFT_BROWSER at one",
    )


def _handed_over(executable: str, place: str) -> dict[str, str | float | bool]:
    return {
        **os.environ,
        handover.BROWSER: executable,
        handover.PLACE: place,
        handover.PYTHON: sys.executable,
        handover.PROGRAM: handover.__file__,
    }


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


async def start_playwright() -> Playwright:
    """Start Playwright's driver, a program of its own; `stop` ends it.

    Raises:
        DriverTrouble: it does not start.
    """
    try:
        return await async_playwright().start()
    except Exception as error:  # Playwright has no error of its own for a driver that does not start
        # Of a program's end the event loop hears from another thread; one that is closed by then complains.
        await asyncio.sleep(_DRIVERS_END_S)
        raise DriverTrouble(
            f"Playwright's driver does not start: {str(error).strip() or type(error).__name__}",
            hint="its own words are above; in a slim image a library is missing (Debian: apt-get install libatomic1)",
        ) from error


async def launch_on_wire(playwright: Playwright, settings: BrowserSettings) -> tuple[Browser, Wire]:
    """Start one headless browser with ourselves in the line between it and Playwright.

    Raises:
        CannotRun: it does not start.
    """
    wire = Wire()
    with tempfile.TemporaryDirectory(prefix="tagdrift-", dir=_short_folder()) as folder:
        place = Path(folder) / "line"  # nobody else may enter the folder
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
            server.bind(str(place))
            server.listen(1)
            server.setblocking(False)
            starting = asyncio.ensure_future(_take_over(server, wire))
            try:
                browser = await launch(playwright, settings, through=_program(Path(folder)), place=str(place))
                await starting
            except BaseException:
                wire.close()
                raise
            finally:
                starting.cancel()
    return browser, wire


async def _take_over(server: socket.socket, wire: Wire) -> None:
    line, _ = await asyncio.get_running_loop().sock_accept(server)
    with line:
        line.settimeout(_HANDOVER_TIMEOUT_S)
        _, ends, _, _ = await asyncio.to_thread(socket.recv_fds, line, 16, 4)
    await wire.start(*ends)


def _short_folder() -> str | None:
    """A socket's path has about a hundred bytes: None where temporary files are near enough, else where they are."""
    return None if len(tempfile.gettempdir()) < _LONG_PATH else "/tmp"  # noqa: S108 - a folder of its own is made there


def _program(folder: Path) -> str:
    """The program that becomes the browser. Some ways of installing lose what makes a file a program."""
    ours = Path(handover.__file__).with_suffix(".sh")
    if os.access(ours, os.X_OK):
        return str(ours)
    copy = folder / "browser"
    copy.write_bytes(ours.read_bytes())
    copy.chmod(0o700)
    return str(copy)


async def launch(
    playwright: Playwright, settings: BrowserSettings, *, through: str | None = None, place: str = ""
) -> Browser:
    """Start one headless browser (the new headless mode: the same binary as with a window).

    `through`: the program to start in its stead, which becomes the browser after it has handed its pipe to `place`.

    Raises:
        CannotRun: it does not start.
    """
    version = await asyncio.to_thread(browser_version, settings.executable)
    agent = user_agent_for(settings.profile, version, sys.platform)
    as_root = _is_root()
    try:
        return await playwright.chromium.launch(
            executable_path=through or settings.executable,
            env=_handed_over(settings.executable, place) if through else None,
            args=launch_flags(settings, agent, as_root),
            chromium_sandbox=not as_root,
            headless=True,
            # A person's browser slows down pages that change their address without end; unchecked they choke it.
            ignore_default_args=["--disable-ipc-flooding-protection"],
            timeout=_LAUNCH_TIMEOUT_MS,
            # Signals are the scan's business: it closes its browsers itself and saves what is finished first.
            handle_sigint=False,
            handle_sigterm=False,
            handle_sighup=False,
        )
    except PlaywrightError as error:
        raise CannotRun(
            f"the browser {settings.executable} does not start: {str(error).strip().splitlines()[0]}",
            hint="run: tagdrift doctor",
        ) from error
