"""Through the command line, with a real browser: what containers, settings and identities give away."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.containers import ALWAYS, GA4_EVENT, ON_THANK_YOU, PINTEREST, PINTEREST_ACCOUNT, container_js
from tests.e2e.cli import Workplace, config_text, valid_report
from tests.site.reply import GIF, Reply, typed
from tests.site.server import FixtureServer, Received

ORIGIN = "https://www.clinic.test"
META = "123456789012345"
V41 = container_js((GA4_EVENT, ALWAYS))
V42 = container_js((GA4_EVENT, ALWAYS), (PINTEREST, ON_THANK_YOU), version="42")
MATCHING_OFF = f'fbq.registerPlugin("{META}", {{}}); instance.optIn("{META}", "AutomaticSetup", true);'
MATCHING_ON = MATCHING_OFF + (
    f'config.set("{META}", "automaticMatching", {{"selectedMatchKeys":["em","fn","ln","ph"]}});'
    f'instance.optIn("{META}", "AutomaticMatching", true);'
)


@dataclass
class Clinic:
    """Two pages, a container, a Meta Pixel with its settings, a search that tells a stranger."""

    place: Workplace
    gtm: str = V41
    settings: str = MATCHING_OFF
    extra: str = ""
    """More HTML on every page."""
    hosts: set[str] = field(default_factory=set)
    keys: dict[str, Any] = field(default_factory=dict)

    def configure(self, **keys: object) -> None:
        """Write the configuration, with further keys at its top."""
        self.place.write("tagdrift.yaml", json.dumps(self.keys | keys))

    def respond(self, request: Received) -> Reply | None:
        parts = urlsplit(request.url)
        self.hosts.add(parts.netloc)
        match parts.hostname, parts.path:
            case "www.clinic.test", "/" | "/about":
                return typed(
                    "/",
                    "<!doctype html><title>The clinic</title><script async src="
                    "'https://www.googletagmanager.com/gtm.js?id=GTM-ABC1234'></script><script async src="
                    f"'https://connect.facebook.net/signals/config/{META}?v=2.9.176&r=stable'></script>"
                    f"{self.extra}<a href='/about'>About us</a>",
                )
            case "www.googletagmanager.com", "/gtm.js":
                return typed("/x.js", f"if (0) {self.gtm}")
            case "connect.facebook.net", _:
                return typed("/x.js", f"if (0) {{ {self.settings} }}")
            case "www.clinic.test", _:
                return None
            case _:
                return Reply(200, (("Content-Type", "image/gif"),), GIF)

    def scan(self, code: int, *args: str) -> dict[str, Any]:
        return valid_report(self.place.run("scan", "--json", "--quiet", *args).exits(code))


@pytest.fixture
def clinic(tmp_path: Any) -> Iterator[Clinic]:
    site = Clinic(Workplace(tmp_path / "place"))
    with FixtureServer(responder=site.respond) as server:
        site.keys = json.loads(config_text(server, f"{ORIGIN}/", sitemaps=False)) | {"policy": {"preset": "observe"}}
        site.configure()
        yield site


def titles(report: dict[str, Any]) -> list[str]:
    return [finding["title"] for part in ("findings", "removed") for finding in report[part]]


@pytest.mark.timeout(240)
def test_a_tag_for_one_page_only_is_found_in_the_container_that_got_it(clinic: Clinic) -> None:
    clinic.scan(0)
    clinic.gtm = container_js((GA4_EVENT, ALWAYS), version="43", code="window.other = 1;")
    assert titles(clinic.scan(0)) == []
    clinic.gtm = V42
    (finding,) = clinic.scan(1)["findings"]
    assert finding["title"].startswith(f"Pinterest Tag {PINTEREST_ACCOUNT} was added to container GTM-ABC1234")
    assert "GTM-ABC1234 went from version 43 to 42" in finding["title"]
    assert 'Page Path contains "/thank-you"' in finding["title"]
    assert not any("pin" in host for host in clinic.hosts), "no Pinterest host was ever asked"


@pytest.mark.timeout(240)
def test_automatic_matching_switched_on_at_the_vendor_is_drift_the_same_day(clinic: Clinic) -> None:
    clinic.scan(0)
    clinic.settings = MATCHING_ON
    (finding,) = clinic.scan(1)["findings"]
    assert finding["title"].startswith(f"Meta Pixel {META}: automatic advanced matching")
    assert finding["title"].endswith("e-mail, first name, last name, phone were switched on")
    assert finding["severity"] == "high"


@pytest.mark.timeout(240)
def test_a_known_persons_address_is_found_on_its_way_to_a_stranger_and_stays_secret(clinic: Clinic) -> None:
    email = "testpatient.a@clinic-canary.test"
    identity = {"kind": "email", "value": "env:CANARY", "label": "test patient A"}
    clinic.configure(identities=[identity])
    variables = {"CANARY": email}
    clinic.place.run("scan", "--json", "--quiet", variables=variables).exits(0)
    digest = hashlib.sha256(email.encode()).hexdigest()
    packed = b64encode(json.dumps({"visitor": {"h": digest}}).encode()).decode()
    clinic.extra = f"<img src='https://px.newcomer.test/p.gif?d={packed}' alt=''>"
    report = clinic.place.run("scan", "--json", "--quiet", variables=variables).exits(1)
    (finding,) = valid_report(report)["findings"]
    assert finding["severity"] == "critical"
    assert "The e-mail of test patient A leaves to newcomer.test in field d.visitor.h, hashed (sha256)" in str(finding)
    again = clinic.place.run("diff", "clinic", "--json", variables=variables).exits(1)
    assert valid_report(again)["findings"][0]["title"] == finding["title"]
    told = report.stdout + report.stderr + again.stdout + again.stderr
    assert email not in told
    assert email.encode() not in clinic.place.store.read_bytes()
    missing = clinic.place.run("diff", "clinic").exits(2)
    assert "the environment variable CANARY is not set" in missing.stderr
