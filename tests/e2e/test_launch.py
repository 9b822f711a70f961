"""A browser is started with ourselves in its line, whatever became of the program that sees to that."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import psutil
import pytest
from playwright.async_api import Browser, async_playwright

from scanner.browser import handover
from scanner.browser.launch import find_browser, launch_on_wire
from scanner.browser.settings import BrowserSettings
from scanner.browser.wire import Wire
from scanner.errors import CannotRun
from scanner.model import SiteConfig


def _settings(executable: str) -> BrowserSettings:
    return BrowserSettings.of(SiteConfig(name="launch", start=("about:blank",)), executable)


async def _both_speak(browser: Browser, wire: Wire) -> int:
    """Playwright and we talk with the same browser; return its process id."""
    page = await browser.new_page()
    assert await page.evaluate("6 * 7") == 42
    assert (await wire.root.call("Browser.getVersion"))["protocolVersion"]
    return (await wire.process_ids())["browser"]


async def test_the_browser_takes_the_place_of_the_program_that_hands_its_line_over() -> None:
    async with async_playwright() as playwright:
        browser, wire = await launch_on_wire(playwright, _settings(find_browser().path))
        try:
            pid = await _both_speak(browser, wire)
            process = psutil.Process(pid)
            assert process.cmdline()[0] == find_browser().path
            assert not [name for name in process.environ() if name.startswith("TAGDRIFT_HANDOVER")]
        finally:
            await browser.close()
            wire.close()
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def test_the_program_need_not_be_executable_and_temporary_files_may_lie_deep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "handover.py"
    program.write_bytes(Path(handover.__file__).read_bytes())
    (tmp_path / "handover.sh").write_bytes(Path(handover.__file__).with_suffix(".sh").read_bytes())
    monkeypatch.setattr(handover, "__file__", str(program))
    deep = tmp_path / ("deep" * 25)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    async with async_playwright() as playwright:
        browser, wire = await launch_on_wire(playwright, _settings(find_browser().path))
        try:
            await _both_speak(browser, wire)
        finally:
            await browser.close()
            wire.close()


async def test_a_browser_that_ends_at_once_is_told_as_one_that_does_not_start(tmp_path: Path) -> None:
    broken = tmp_path / "browser"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o700)
    async with async_playwright() as playwright, asyncio.timeout(30):
        with pytest.raises(CannotRun, match="does not start"):
            await launch_on_wire(playwright, _settings(str(broken)))


async def test_a_killed_browser_hangs_up_on_both() -> None:
    async with async_playwright() as playwright:
        browser, wire = await launch_on_wire(playwright, _settings(find_browser().path))
        pid = await _both_speak(browser, wire)
        psutil.Process(pid).kill()
        async with asyncio.timeout(10):
            while browser.is_connected() or not wire.root.closed:
                await asyncio.sleep(0.02)
        wire.close()
