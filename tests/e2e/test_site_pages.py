"""The pages to look at in a real browser, opened from disk: reachable, readable, and nothing runs or leaves."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from reports.render import render_html
from reports.site_pages.model import Making
from scanner.service.site_dir import SiteDir
from scanner.service.site_pages import PageBuilder
from scanner.store import MemoryStore
from tests import make, report_samples, site_samples

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
CLINIC = "sites/www.clinic.example"
PAGES = ("index.html", f"{CLINIC}/index.html", f"{CLINIC}/scans-2026-05.html")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


def build(store: MemoryStore, root: Path) -> Path:
    target = SiteDir.open(root)
    making = Making(site_samples.judge().names, "1.0", site_samples.NOW)
    builder = PageBuilder(store, site_samples.judge(), making, {"new.example": make.site_config("new.example")})
    for site in builder.sites():
        for file in site.files or ():
            target.put(file)
    target.put(builder.overview())
    target.close({})
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = MemoryStore()
    site_samples.fill(store)
    return build(store, tmp_path_factory.mktemp("pages"))


@pytest.fixture(scope="module")
def incident(folder: Path) -> str:
    """The open incident of the Pinterest Tag, with a request and a screenshot."""
    pages = sorted(folder.glob(f"{CLINIC}/incident-*.html"), key=lambda page: page.stat().st_size)
    return pages[-1].relative_to(folder).as_posix()


class Watched:
    """A page of its own context, and everything it did that it should not."""

    def __init__(self, browser: Browser, path: Path, size: dict[str, int] = DESKTOP, scheme: str = "light") -> None:
        context = browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
        self.trouble: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self.trouble.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.trouble.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: (self.trouble.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.page.on("request", lambda request: self.trouble.append(f"request: {request.url[:200]}"))
        self.page.goto(path.as_uri())
        assert self.trouble.pop(0) == f"request: {path.as_uri()}"

    def quiet(self) -> bool:
        """Only what the page itself holds was asked for."""
        return all(one.startswith("request: data:image/") for one in self.trouble)


def seriously_wrong(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {[node['html'][:160] for node in one['nodes'][:3]]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def open_all(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"])
def test_axe_finds_nothing_serious(
    browser: Browser, folder: Path, incident: str, size: dict[str, int], scheme: str
) -> None:
    wrong: dict[str, list[str]] = {}
    for path in (*PAGES, incident):
        watched = Watched(browser, folder / path, size, scheme)
        open_all(watched.page)
        wrong[path] = seriously_wrong(watched.page)
        assert watched.quiet(), watched.trouble
        watched.page.context.close()
    assert wrong == {path: [] for path in wrong}


@pytest.mark.parametrize("name", ["back", "badly-seen", "first-scan"])
def test_axe_finds_nothing_serious_in_the_report_of_a_scan(browser: Browser, tmp_path: Path, name: str) -> None:
    (tmp_path / "report.html").write_text(render_html(report_samples.SAMPLES[name]()), encoding="utf-8")
    page = Watched(browser, tmp_path / "report.html").page
    open_all(page)
    assert seriously_wrong(page) == []


def test_nothing_overflows_sideways_on_a_phone(browser: Browser, folder: Path, incident: str) -> None:
    for path in (*PAGES, incident, "sites/new.example/index.html"):
        watched = Watched(browser, folder / path, PHONE)
        open_all(watched.page)
        assert watched.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"], path
        assert watched.quiet(), watched.trouble
        watched.page.context.close()


def test_one_finds_from_the_first_page_to_the_evidence_and_back(browser: Browser, folder: Path) -> None:
    page = Watched(browser, folder / "index.html").page
    page.get_by_role("region", name="Sites").get_by_role("link", name="www.clinic.example").click()
    assert page.get_by_role("heading", level=1).inner_text() == "www.clinic.example"
    page.get_by_role("link", name="Pinterest Tag 2612000000001").first.click()
    assert page.get_by_role("img", name="Exposure window").count() == 1
    assert page.get_by_role("table", name="Field by field").get_by_role("cell", name="j***@m***.test").count()
    assert (
        page.get_by_role("img", name="The page as the browser showed it").evaluate("image => image.naturalWidth") == 640
    )
    page.get_by_text("The raw request, masked").click()
    assert "?tid=2612000000001" in page.locator("pre").inner_text()
    page.get_by_role("link", name="All sites").click()
    assert page.get_by_role("heading", level=1).inner_text().startswith("1 site has open incidents")


def test_search_and_states_work_without_a_network(browser: Browser, folder: Path) -> None:
    watched = Watched(browser, folder / "index.html")
    page = watched.page
    sites = page.get_by_role("region", name="Sites").locator("tbody tr")
    assert sites.count() == 4
    page.get_by_label("Search sites and incidents").fill("QUIET.exa")
    assert sites.filter(visible=True).count() == 1
    assert page.get_by_role("status").inner_text().startswith("1 of ")
    page.get_by_label("Search sites and incidents").fill("")
    page.get_by_label("State").select_option("Never scanned")
    assert sites.filter(visible=True).all_inner_texts()[0].startswith("new.example")
    assert sites.filter(visible=True).count() == 1
    assert watched.trouble == []


def test_the_keyboard_reaches_everything_and_the_focus_is_seen(browser: Browser, folder: Path, incident: str) -> None:
    for path in ("index.html", f"{CLINIC}/index.html", incident):
        page = Watched(browser, folder / path).page
        wanted = page.locator("main a, main summary, main input, main select, main [tabindex='0']").count()
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        reached = 0
        for _ in range(wanted + 20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement === document.body"):
                break
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            reached += page.evaluate("document.activeElement.closest('main') !== null")
        hidden = page.locator("main details:not([open]) :is(a, pre, [tabindex='0'])").count()
        assert reached == wanted - hidden, path
        page.context.close()


def test_each_picture_has_its_words_and_its_table(browser: Browser, folder: Path) -> None:
    page = Watched(browser, folder / f"{CLINIC}/index.html").page
    lane = page.locator("svg.lane").first
    assert lane.locator("title").first.text_content() == "Pinterest Tag 2612000000001"
    assert "In 15 of 46 scans since 11 May 2026, at most on 14 pages" in (lane.locator("desc").text_content() or "")
    page.get_by_text("The timeline as a table").click()
    row = page.get_by_role("table", name="Tags over time").get_by_role("row", name="Pinterest Tag 2612000000001")
    assert [cell.inner_text() for cell in row.get_by_role("cell").all()][1:5] == [
        "11 May 2026", "17 June 2026", "14", "14",
    ]  # fmt: skip
    assert page.get_by_role("img", name="How information about visitors leaves the site").is_visible()
    twin = page.get_by_role("table", name="The same as a table").get_by_role("row", name="Pinterest")
    assert "Hashed e-mail addresses" in twin.first.inner_text()


def test_tables_stay_tables_on_a_phone_and_the_wide_picture_goes(browser: Browser, folder: Path) -> None:
    page = Watched(browser, folder / f"{CLINIC}/index.html", PHONE).page
    assert not page.locator(".sankey").is_visible()
    assert page.get_by_role("table", name="The same as a table").get_by_role("row").count() > 2
    assert page.get_by_role("table", name="Incidents, open ones first").get_by_role("cell").count() > 10


def test_dark_is_dark_and_paper_is_white(browser: Browser, folder: Path, incident: str) -> None:
    page = Watched(browser, folder / incident, scheme="dark").page
    body = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(body) == "rgb(14, 19, 25)"
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(body) == "rgb(255, 255, 255)"
    assert not page.get_by_role("navigation", name="Breadcrumbs").is_visible()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.emulate_media(media="screen")
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_without_scripts_nothing_is_missing(browser: Browser, folder: Path) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto((folder / "index.html").as_uri())
    assert not page.get_by_label("Search sites and incidents").is_visible()
    assert page.get_by_role("link", name="half-seen.example").first.is_visible()


def test_a_page_that_was_made_long_ago_says_so(browser: Browser, folder: Path) -> None:
    assert " days ago" in Watched(browser, folder / "index.html").page.locator(".when").inner_text()


def test_hostile_names_and_texts_stay_inert(browser: Browser, tmp_path: Path) -> None:
    store = MemoryStore()
    site_samples.hostile(store, names=2)
    root = build(store, tmp_path / "pages")
    sites = sorted(page for page in (root / "sites").iterdir() if page.name != "new.example")
    picked = [root / "index.html", *(site / "index.html" for site in sites), *sorted(sites[0].glob("incident-*"))[:2]]
    for path in picked:
        watched = Watched(browser, path)
        open_all(watched.page)
        watched.page.mouse.wheel(0, 50_000)
        assert watched.quiet(), (path.name, watched.trouble)
        assert watched.page.evaluate("document.scripts.length") == 1
        foreign = "iframe, object, embed, [onload], [onerror], [onclick]"
        assert watched.page.locator(foreign).count() == 0
        # A lone colon: an address that no browser would follow.
        assert watched.page.evaluate("[...document.links].every(link => /^((https?|file):|:)$/.test(link.protocol))")
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= DESKTOP["width"]
        watched.page.context.close()
