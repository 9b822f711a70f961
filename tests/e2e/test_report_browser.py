"""The report in a real browser, opened from disk: nothing hostile runs, nothing leaves, everything is reachable."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page, sync_playwright

from reports.render import render_html
from tests import report_samples as samples

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NAMES = sorted(samples.SAMPLES)
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    for name in NAMES:
        (folder / f"{name}.html").write_text(render_html(samples.SAMPLES[name]()), encoding="utf-8")
    return folder


class Watched:
    """A page of its own context, and everything it did that it should not."""

    def __init__(self, browser: Browser, path: Path, *, size: dict[str, int] = DESKTOP, scheme: str = "light") -> None:
        context = browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
        self.trouble: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self.trouble.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.trouble.append(f"error: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.on("request", lambda request: self.trouble.append(f"request: {request.url[:300]}"))
        self.page.goto(path.as_uri())
        assert self.trouble.pop(0) == f"request: {path.as_uri()}"

    def _dialog(self, dialog: Dialog) -> None:
        self.trouble.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@pytest.mark.parametrize("name", NAMES)
def test_nothing_runs_and_nothing_leaves(browser: Browser, folder: Path, name: str) -> None:
    watched = Watched(browser, folder / f"{name}.html")
    watched.page.get_by_role("button", name="Open all details").click()
    watched.page.mouse.wheel(0, 50_000)
    watched.page.wait_for_load_state("networkidle")
    assert watched.trouble == []
    assert watched.page.evaluate("document.scripts.length") == 1
    assert watched.page.evaluate("document.querySelectorAll('img, iframe, object, embed').length") == 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_nothing_overflows_sideways(browser: Browser, folder: Path, name: str, size: dict[str, int]) -> None:
    page = Watched(browser, folder / f"{name}.html", size=size).page
    page.get_by_role("button", name="Open all details").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    wide = """[...document.querySelectorAll('main *, header *')]
        .filter(e => !e.closest('.scroll, svg, .hidden-visually'))
        .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
        .map(e => e.outerHTML.slice(0, 120))"""
    assert page.evaluate(wide) == []


CONTRAST = """() => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!own || e.closest('svg, script, style') || !e.getClientRects().length) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(2)} ${e.outerHTML.slice(0, 100)}`);
  }
  return poor;
}"""


@pytest.mark.parametrize("name", ["back", "clean", "badly-seen", "first-scan", "violation-at-once"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(browser: Browser, folder: Path, name: str, scheme: str) -> None:
    page = Watched(browser, folder / f"{name}.html", scheme=scheme).page
    page.get_by_role("button", name="Open all details").click()
    assert page.evaluate(CONTRAST) == []


def test_dark_mode_is_dark(browser: Browser, folder: Path) -> None:
    def colours(scheme: str) -> tuple[str, str]:
        page = Watched(browser, folder / "back.html", scheme=scheme).page
        body = "getComputedStyle(document.body)"
        return page.evaluate(f"{body}.backgroundColor"), page.evaluate(f"{body}.color")

    assert colours("light") == ("rgb(245, 246, 248)", "rgb(23, 33, 44)")
    assert colours("dark") == ("rgb(14, 19, 25)", "rgb(230, 235, 241)")


@pytest.mark.parametrize("name", ["back", "badly-seen"])
def test_the_keyboard_reaches_and_opens_every_detail(browser: Browser, folder: Path, name: str) -> None:
    page = Watched(browser, folder / f"{name}.html").page
    wanted = page.locator("summary").count()
    assert wanted > 0
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    opened = 0
    for _ in range(400):
        page.keyboard.press("Tab")
        where = page.evaluate("document.activeElement.tagName")
        if where == "BODY":
            break
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        if where == "SUMMARY":
            page.keyboard.press("Enter")
            opened += 1
    assert opened == wanted
    assert page.locator("details[open]").count() == wanted


def test_a_screen_reader_finds_its_way(browser: Browser, folder: Path) -> None:
    page = Watched(browser, folder / "back.html").page
    assert page.get_by_role("main").count() == page.get_by_role("banner").count() == 1
    assert page.get_by_role("contentinfo").count() == 1
    assert page.get_by_role("navigation", name="Sections").count() == 1
    assert page.get_by_role("heading", level=1).inner_text().startswith("The Pinterest Tag 2612000000001 is back")
    for section in ("What appeared", "What disappeared", "What is unverified", "Coverage", "Inventory"):
        assert page.get_by_role("region", name=section).count() == 1
    assert page.get_by_role("table", name="What it sends").count() == 1
    assert page.get_by_role("img", name="Of 14 planned pages: 14 whole").count() == 1
    assert "Pages: 14 pages" in page.locator("figcaption").inner_text()


def test_the_phone_gets_the_upright_picture_and_tables_that_are_still_tables(browser: Browser, folder: Path) -> None:
    phone = Watched(browser, folder / "back.html", size=PHONE).page
    assert phone.locator(".flow .narrow").is_visible() and not phone.locator(".flow .wide").is_visible()
    assert phone.get_by_role("table", name="Tags of Pinterest").get_by_role("cell").count() == 4
    desktop = Watched(browser, folder / "back.html").page
    assert desktop.locator(".flow .wide").is_visible() and not desktop.locator(".flow .narrow").is_visible()


def test_the_filter_hides_other_rows_and_says_how_many_are_left(browser: Browser, folder: Path) -> None:
    page = Watched(browser, folder / "back.html").page
    page.get_by_label("Filter the tables").fill("pinterest")
    rows = page.locator("[data-filter] tbody tr")
    shown = rows.filter(visible=True).all_inner_texts()
    assert 0 < len(shown) < rows.count()
    assert all("pinterest" in text.lower() or "pinimg" in text.lower() for text in shown)
    assert page.get_by_role("status").inner_text() == f"{len(shown)} of {rows.count()} rows"


def test_print_is_light_without_tools_and_with_everything_open(browser: Browser, folder: Path) -> None:
    page = Watched(browser, folder / "back.html", scheme="dark").page
    closed = page.locator("details:not([open])").count()
    assert closed
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(23, 33, 44)"
    assert not page.get_by_role("navigation").is_visible()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() == closed
    page.emulate_media(media="screen")
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_without_scripts_nothing_is_missing(browser: Browser, folder: Path) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto((folder / "back.html").as_uri())
    assert not page.get_by_role("button", name="Open all details").is_visible()
    page.locator("summary").first.click()
    assert page.get_by_role("link", name="/services/oncology").is_visible()
