"""What a browser is started with, as a value: from the site's configuration to flags by pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from scanner.model import Device, Profile, ResolveRule, SiteConfig
from scanner.urls import host_of

# A later --disable-features replaces an earlier one, so Playwright's own choices that matter to a
# scanner are repeated here: no silent http→https rewriting and no lookups of the browser's own.
_DISABLED_FEATURES: tuple[str, ...] = (
    "AimServerRequestOnStartupEnabled",
    "AutofillServerCommunication",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "PreloadTopChromeWebUI",
    # What a page names as a payment method is asked for by the browser itself, which tells nobody.
    "ServiceWorkerPaymentApps",
    # One spare renderer is kept, for the context that navigated last: contexts in turn start and drop one each time.
    "SpareRendererForSitePerProcess",
    # Small pictures of pages for tabs that nobody points at.
    "TabHoverCardImages",
    "ThirdPartyStoragePartitioning",
    "Translate",
    # The address bar's suggestions are a web page with a renderer of 160 MiB for each window, which nobody ever sees.
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxFullPopup",
    "WebUIOmniboxPopup",
)
_ISOLATION_FEATURES = ("IsolateOrigins", "site-per-process")

# The browser's own services are pointed at a port that it refuses to connect to: only the page may talk.
_NOWHERE = "https://127.0.0.1:9/"

_QUIET_FLAGS = (
    # AutomationControlled makes navigator.webdriver true, and tags then stay silent. What fetchLater() holds back is
    # sent when its document is dead, out of every listener's sight: without it tags fall back to what can be seen.
    "--disable-blink-features=AutomationControlled,FetchLaterAPI",
    "--disable-quic",  # resolve rules and remote addresses are about TCP
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    # What pages have the browser report on its own waits for a minute, and would leave in the middle of another visit.
    "--short-reporting-delay",
    # A turn of the wheel moves the page at once: drawing it on its way costs more than all other input.
    "--disable-smooth-scrolling",
    # The browser's own buttons and tabs do not move either. Animations of pages do.
    "--animation-duration-scale=0",
    "--disable-sync",
    "--disable-default-apps",
    "--no-first-run",
    # What windows fill: as large as a person's window around our viewport. Pages are told the context's own screen.
    "--screen-info={1366x854}",
    f"--gaia-url={_NOWHERE}",
    f"--google-apis-url={_NOWHERE}",
    f"--component-updater=url-source={_NOWHERE}",
)


@dataclass(frozen=True, slots=True)
class BrowserSettings:
    """How browsers of one scan are started and what their contexts look like."""

    executable: str
    profile: Profile = field(default_factory=Profile)
    resolve: tuple[ResolveRule, ...] = ()
    insecure: bool = False
    site_isolation: bool = True
    trusted_spki: tuple[str, ...] = ()
    """Base64 SHA-256 of public keys whose certificates are trusted (tests and benchmarks: unlike
    `insecure`, answers stay cacheable)."""
    extra_flags: tuple[str, ...] = ()

    @classmethod
    def of(cls, site: SiteConfig, executable: str, trusted_spki: tuple[str, ...] = ()) -> BrowserSettings:
        return cls(
            executable=executable,
            profile=site.profile,
            resolve=site.resolve,
            insecure=site.insecure,
            site_isolation=site.site_isolation,
            trusted_spki=trusted_spki,
        )


def resolver_rules(rules: tuple[ResolveRule, ...]) -> str:
    """Return the value of `--host-resolver-rules` for `rules`; empty when there are none.

    The first rule that fits a host wins, in the browser as in the configuration. `*.host` means
    every host below `host`, not `host` itself; `*` means every host, literal addresses included.
    The browser's own pattern language agrees on all three.
    """
    return ", ".join(f"MAP {rule.pattern} {_bracketed(rule.address)}:{rule.port}" for rule in rules)


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address and not address.startswith("[") else address


def launch_flags(settings: BrowserSettings, user_agent: str | None, as_root: bool) -> list[str]:
    """Return the command line flags for `settings`.

    `user_agent` is given to the whole process, so that every worker says the same. `as_root`: the
    sandbox refuses to run as root, and only then is it switched off.
    """
    disabled = _DISABLED_FEATURES
    flags = list(_QUIET_FLAGS)
    if not settings.site_isolation:
        disabled += _ISOLATION_FEATURES
        flags.append("--disable-site-isolation-trials")
    flags.append("--disable-features=" + ",".join(disabled))
    if as_root:
        flags.append("--no-sandbox")  # Chromium's sandbox cannot be set up as root
    if user_agent:
        flags.append(f"--user-agent={user_agent}")
    if settings.resolve:
        flags.append(f"--host-resolver-rules={resolver_rules(settings.resolve)}")
    if settings.insecure:
        # The context's own option does not reach what service and shared workers ask for.
        flags.append("--ignore-certificate-errors")
    if settings.trusted_spki:
        flags.append("--ignore-certificate-errors-spki-list=" + ",".join(settings.trusted_spki))
    if settings.profile.locale:
        flags.append(f"--lang={settings.profile.locale}")
    flags += settings.extra_flags
    return flags


_MOBILE_AGENT = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/{major}.0.0.0 Mobile Safari/537.36"
)
_DESKTOP_AGENT = "Mozilla/5.0 ({platform}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36"
_PLATFORMS = {
    "linux": "X11; Linux x86_64",
    "darwin": "Macintosh; Intel Mac OS X 10_15_7",
    "win32": "Windows NT 10.0; Win64; x64",
}


def user_agent_for(profile: Profile, browser_version: str, platform: str) -> str:
    """Return the user agent a person's browser of this version would send on `platform` (`sys.platform`).

    The browser reduces its user agent to the major version and one string per platform; headless
    mode differs from it in a single word, which is what tags look for.
    """
    if profile.user_agent:
        return profile.user_agent
    major = major_version(browser_version)
    if profile.device is Device.MOBILE:
        return _MOBILE_AGENT.format(major=major)
    return _DESKTOP_AGENT.format(major=major, platform=_PLATFORMS.get(platform, _PLATFORMS["linux"]))


def major_version(browser_version: str) -> str:
    """`"Chromium 156.0.8078.79 …"` → `"156"`; `"0"` when there is no number."""
    found = re.search(r"(\d+)\.", browser_version)
    return found.group(1) if found else "0"


def client_hints(profile: Profile, browser_version: str, platform: str) -> dict[str, object]:
    """Return `userAgentMetadata` for `Emulation.setUserAgentOverride`: the client hints beside the user agent.

    Brands are the binary's own (Chromium); the full version list, empty when the user agent comes
    from the command line, is filled in again.
    """
    found = re.search(r"\d+(?:\.\d+)+", browser_version)
    full = found.group(0) if found else "0"
    major = major_version(browser_version)
    mobile = profile.device is Device.MOBILE
    names = {"linux": "Linux", "darwin": "macOS", "win32": "Windows"}
    return {
        "brands": [{"brand": "Not:A-Brand", "version": "8"}, {"brand": "Chromium", "version": major}],
        "fullVersionList": [{"brand": "Not:A-Brand", "version": "8.0.0.0"}, {"brand": "Chromium", "version": full}],
        "platform": "Android" if mobile else names.get(platform, "Linux"),
        "platformVersion": "10" if mobile else "",
        "architecture": "" if mobile else "x86",
        "model": "K" if mobile else "",
        "mobile": mobile,
        "bitness": "" if mobile else "64",
        "wow64": False,
    }


def viewport_of(profile: Profile) -> tuple[int, int]:
    """Return a page's width and height in CSS pixels."""
    return (412, 915) if profile.device is Device.MOBILE else (1366, 768)


def context_options(settings: BrowserSettings) -> dict[str, object]:
    """Return keyword arguments for Playwright's `Browser.new_context`."""
    profile = settings.profile
    mobile = profile.device is Device.MOBILE
    options: dict[str, object] = {
        "locale": profile.locale,
        "timezone_id": profile.timezone,
        "ignore_https_errors": settings.insecure,
        "accept_downloads": False,
        "viewport": dict(zip(("width", "height"), viewport_of(profile), strict=True)),
        # A window is smaller than its screen: its frame comes on top of the viewport.
        "screen": {"width": 412, "height": 915} if mobile else {"width": 1920, "height": 1080},
    }
    if mobile:
        options |= {"is_mobile": True, "has_touch": True, "device_scale_factor": 2.625}
    return options


def own_hosts(site: SiteConfig) -> frozenset[str]:
    """Hosts that secrets of this site may be sent to: those of the start URLs, exactly."""
    return frozenset(host_of(url) for url in site.start)
