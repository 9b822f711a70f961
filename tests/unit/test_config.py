"""One file in, frozen values out; or every problem with its line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from scanner.cli.target import target
from scanner.config import Config, load_config, site_from_url
from scanner.errors import Exit, ProblemsError, UsageError
from scanner.model import (
    ConsentState,
    Device,
    Profile,
    ResolveRule,
    Retention,
    Scope,
    SiteConfig,
    VisitLimits,
)

ACCEPTED = ConsentState.ACCEPTED

CONTRACT = """
store: sqlite:///tagdrift.db
sites:
  - name: clinic
    start: [https://www.clinic.example/]
    resolve: ["* 127.0.0.1:8443"]
    insecure: true
    max_pages: 2000
policy: {preset: healthcare}
mail:
  smtp: {host: mail.example, port: 587, security: starttls, username: u, password: "env:SMTP_PASSWORD"}
  from: tagdrift@clinic.example
  to: [officer@clinic.example]
"""


def load(folder: Path, text: str, environ: Mapping[str, str] | None = None, **more: Any) -> Config:
    path = folder / "tagdrift.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path, environ=environ or {}, **more)


def problems(folder: Path, text: str, environ: Mapping[str, str] | None = None, **more: Any) -> list[str]:
    """`line: message` of everything wrong, the file's own name left out."""
    with pytest.raises(ProblemsError) as raised:
        load(folder, text, environ, **more)
    assert raised.value.exit_code is Exit.USAGE and raised.value.hint
    return [str(problem).removeprefix(f"{folder / 'tagdrift.yaml'}:") for problem in raised.value.problems]


# --------------------------------------------------------------------------- what is right


def test_the_keys_of_the_contract(tmp_path: Path) -> None:
    config = load(tmp_path, CONTRACT)
    assert config.store_url == f"sqlite:///{tmp_path}/tagdrift.db"
    assert config.site("clinic") == SiteConfig(
        name="clinic",
        start=("https://www.clinic.example/",),
        resolve=(ResolveRule("*", "127.0.0.1", 8443),),
        insecure=True,
        max_pages=2000,
    )
    assert config.policy == {"preset": "healthcare"}
    assert config.mail is not None
    assert (config.mail.smtp.port, config.mail.sender, config.mail.to) == (
        587, "tagdrift@clinic.example", ("officer@clinic.example",),
    )  # fmt: skip
    assert config.mail.smtp.password is None  # only who sends mail needs it
    wanted = load(tmp_path, CONTRACT, {"SMTP_PASSWORD": "x"}, mail_secrets=True).mail
    assert wanted is not None and wanted.smtp.password is not None and wanted.smtp.password.reveal() == "x"


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("start: https://b.example/x", "start", ("https://b.example/x",)),
        ("scope: domain", "scope", Scope.DOMAIN),
        ("own_domains: b.example", "own_domains", ("b.example",)),
        ("exclude: [/a*, 'https://*/b']", "exclude", ("/a*", "https://*/b")),
        ("max_duration: 90m", "max_duration_s", 5400),
        ("resume_max_age: 2d", "resume_max_age_s", 172_800),
        ("requests_per_second: 0.5", "requests_per_second", 0.5),
        ("max_pages: 7.0", "max_pages", 7),
        ("max_depth: 0", "max_depth", 0),
        ("profile: {device: mobile, consent: accepted}", "profile", Profile(Device.MOBILE, consent=ACCEPTED)),
        ("limits: {page_time: 1.5s, max_body: 2KiB}", "limits", VisitLimits(page_time_ms=1500, max_body_bytes=2048)),
        ("extra_headers: {X-A: 'on'}", "extra_headers", (("X-A", "on"),)),
        ("retention: {keep_scans: 3}", "retention", Retention(3, 90)),
    ],
)  # fmt: skip
def test_site_keys(tmp_path: Path, text: str, field: str, value: object) -> None:
    start = "" if text.startswith("start") else "    start: https://a.example\n"
    config = load(tmp_path, f"retention: {{keep_days: 90}}\nsites:\n  - name: a\n{start}    {text}\n")
    assert getattr(config.sites[0], field) == value


def test_defaults_fall_back_key_by_key_in_groups(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        """
defaults: {max_pages: 9, profile: {locale: de-DE, gpc: true}, extra_headers: {X-A: "1", X-B: "1"}}
sites:
  - {start: https://a.example, profile: {locale: fr-FR}, extra_headers: {X-B: "2"}}
  - {start: "https://b.example:8443", max_pages: 8}
""",
    )
    first, second = config.sites
    assert (first.name, first.max_pages, first.profile) == ("a.example", 9, Profile(locale="fr-FR", gpc=True))
    assert dict(first.extra_headers) == {"X-A": "1", "X-B": "2"}
    assert (second.name, second.max_pages, second.profile.locale) == ("b.example-8443", 8, "de-DE")


def test_paths_count_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "conf"
    folder.mkdir()
    (folder / "pages.txt").write_text("https://a.example/x\n")
    (folder / "rules").mkdir()
    (folder / "state.json").write_text('{"cookies": []}\n')
    monkeypatch.chdir(tmp_path)
    text = "rules: rules\nsites: [{start: https://a.example, url_lists: pages.txt, storage_state: 'file:state.json'}]"
    config = load(folder, text)
    assert config.rule_paths == (str(folder / "rules"),)
    assert config.sites[0].url_lists == (str(folder / "pages.txt"),)
    state = config.sites[0].storage_state
    assert state is not None and state.reveal() == '{"cookies": []}'


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("sqlite:////var/lib/t.db", "sqlite:////var/lib/t.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("postgresql://u@h/n", "postgresql+psycopg://u@h/n"),
        ("env:STORE", "postgresql+psycopg://u:hunter2@h/n"),
    ],
)
def test_stores(tmp_path: Path, text: str, url: str) -> None:
    config = load(tmp_path, f"store: '{text}'", {"STORE": "postgresql+psycopg://u:hunter2@h/n"})
    assert config.store_url == url
    assert "hunter2" not in repr(config)


def test_an_empty_file_and_no_sites_are_fine(tmp_path: Path) -> None:
    config = load(tmp_path, "# nothing yet\n")
    assert config.sites == ()
    with pytest.raises(UsageError, match="no site is called `clinic`"):
        config.site("clinic")


def test_plain_yaml_types_only(tmp_path: Path) -> None:
    text = """
sites:
  - &first {name: "no", start: https://a.example, extra_headers: {X-Time: 12:30, X-Date: 2026-01-01, X-No: no}}
  - {<<: *first, name: other}
"""
    first, second = load(tmp_path, text).sites
    assert dict(first.extra_headers) == {"X-Time": "12:30", "X-Date": "2026-01-01", "X-No": "no"}
    assert (second.name, second.start) == ("other", first.start)


def test_policy_is_frozen(tmp_path: Path) -> None:
    config = load(tmp_path, "policy: {rules: [{forbid: {vendor: [pinterest]}, reason: no, until: 2027-03-31}]}")
    assert config.policy["preset"] == "healthcare"
    assert config.policy["rules"][0]["forbid"]["vendor"] == ("pinterest",)
    with pytest.raises(TypeError):
        config.policy["preset"] = "observe"  # type: ignore[index]


# --------------------------------------------------------------------------- what is wrong


def test_all_problems_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    text = """stor: x
sites:
  - nam: clinic
    start: www.clinic.example
    max_pages: "12"
    max_pages: 0
    resolve: ["* 127.0.0.1"]
    exclude:
      - /fine/*
      - ^/blog.*$
mail: {smtp: {host: a}, to: nobody}
"""
    found = problems(tmp_path, text)
    assert [line.partition(":")[0] for line in found] == ["1", "3", "4", "5", "6", "7", "10", "11", "11"]
    assert found[0] == "1: unknown key `stor`; did you mean `store`?"
    assert "did you mean `https://www.clinic.example`?" in found[2]
    assert "whole number" in found[3]
    assert found[4] == "6: `max_pages` is given twice (first in line 5)"


SITE_PROBLEMS = [
    ("limits: {page_time: 30}", "a duration with its unit"),
    ("limits: {page_time: 30 seconds}", "a duration with its unit"),
    ("limits: {visit_timeout: 5s}", "must not be shorter than `navigation_timeout`"),
    ("limits: {navigation_timeout: 0s}", "at least 1s"),
    ("limits: {max_body: 4}", "a size with its unit"),
    ("limits: {visit_timeot: 3s}", "did you mean `visit_timeout`?"),
    ("gpc: true", "it belongs under `profile`"),
    ("url: https://a.example", "did you mean `start`?"),
    ("scope: hosts", "`host`, `domain` or `path`, not `hosts`; did you mean `host`?"),
    ("insecure: 'yes'", "`true` or `false`"),
    ("max_pages: 0", "at least 1"),
    ("max_pages: true", "a whole number"),
    ("coverage_threshold: 90", "at most 1"),
    ("requests_per_second: 0", "more than 0"),
    ("exclude:", "is empty"),
    ("include: blog/*", "write `/blog/*`"),
    ("include: '/a[b'", "bracket"),
    ("own_domains: www.b.example", "write `b.example` instead"),
    ("own_domains: https://b.example", "no domain"),
    ("profile: {timezone: Mars/Base}", "no time zone"),
    ("profile: {timezone: ../../etc/passwd}", "no time zone"),
    ("profile: {consent: accept}", "did you mean `accepted`?"),
    ("resolve: '* host:443'", "no IP address"),
    ("url_lists: gone.txt", "cannot be read"),
    ("name: a/../b", "letters, digits"),
    ("http_credentials: {username: u}", "needs `password`"),
    ("http_credentials: {username: u, password: 'env:P', origin: 'https://a.example/x'}", "no origin"),
    ("extra_headers: {'bad name': x}", "no name of an HTTP header"),
    ('extra_headers: {X-A: "a\\r\\nB: c"}', "without line breaks"),
]


@pytest.mark.parametrize(("text", "why"), SITE_PROBLEMS)
def test_problems_of_a_site(tmp_path: Path, text: str, why: str) -> None:
    found = problems(tmp_path, f"sites:\n  - start: https://a.example\n    {text}\n", {"P": "p"})
    assert len(found) == 1
    assert found[0].startswith("3: ") and why in found[0]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("sites: [{start: []}]", "at least one entry"),
        ("sites: [{name: a}]", "needs `start`"),
        ("sites: [{start: 'https://u:p@a.example/'}]", "use `http_credentials`"),
        ("sites: {a: b}", "a list of sites"),
        ("sites: [a]", "a group of keys"),
        ("- a", "the configuration must be a group of keys"),
        ("a: [", "not valid YAML"),
        ("a: 1\n---\nb: 2", "not valid YAML"),
        ("policy: {preset: health}", "did you mean `healthcare`?"),
        ("policy: {rules: [{reason: x}]}", "needs one of `allow`, `forbid` or `require`"),
        ("policy: {rules: [{allow: {}}]}", "at least one entry"),
        ("policy: {rules: [{allow: {vendor: a}, until: 2027-02-30}]}", "no day of the calendar"),
        ("store: mysql://root:hunter2@x/y", "`store` must be"),
        ("store: env:GONE", "GONE is not set"),
        ("rules: gone", "does not exist"),
        ("mail: {smtp: {host: a, username: u}, from: a@b.example, to: a@b.example}", "no `password`"),
    ],
)
def test_problems_elsewhere(tmp_path: Path, text: str, why: str) -> None:
    found = problems(tmp_path, text)
    assert any(why in line for line in found)
    assert "hunter2" not in "".join(found)


def test_names_are_unique_whatever_their_case(tmp_path: Path) -> None:
    found = problems(
        tmp_path, "sites:\n  - {name: a, start: https://a.example}\n  - {name: A, start: https://b.example}\n"
    )
    assert found == ["3: two sites are called `A` (first in line 2)"]


def test_a_wrong_default_is_reported_once(tmp_path: Path) -> None:
    text = "defaults: {resolve: x}\nsites: [{start: https://a.example}, {start: https://b.example}]\n"
    assert len(problems(tmp_path, text)) == 1


def test_problems_in_a_url_list_name_its_own_lines(tmp_path: Path) -> None:
    (tmp_path / "pages.txt").write_text("https://a.example/\nnonsense\n")
    found = problems(tmp_path, "sites: [{start: https://a.example, url_lists: pages.txt}]")
    assert found == [f"{tmp_path / 'pages.txt'}:2: `nonsense` is no http(s) address"]


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_files_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "tagdrift.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ProblemsError, match=r"cannot be read|not UTF-8"):
        load_config(path)


# --------------------------------------------------------------------------- secrets

SECRET_KEYS = [
    "http_credentials: {username: u, password: X}",
    "storage_state: X",
    "extra_headers: {Authorization: X}",
    "extra_headers: {x-api-key: X}",
    "extra_headers: {Cookie: X}",
]


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_secrets_come_by_reference_only(tmp_path: Path, key: str) -> None:
    (tmp_path / "pw").write_text("from-file\n")
    site = f"sites: [{{start: https://a.example, {key}}}]"
    found = problems(tmp_path, site.replace("X", "hunter2"))
    assert len(found) == 1 and "plain text" in found[0] and "hunter2" not in found[0]
    assert "variable GONE is not set" in problems(tmp_path, site.replace("X", "env:GONE"))[0]
    assert "is empty" in problems(tmp_path, site.replace("X", "env:BLANK"), {"BLANK": ""})[0]
    assert "cannot be read" in problems(tmp_path, site.replace("X", "file:gone"))[0]
    for reference, value in (("env:PW", "from-env"), ("file:pw", "from-file")):
        config = load(tmp_path, site.replace("X", reference), {"PW": "from-env"})
        assert value in _secrets(config.sites[0])
        assert value not in repr(config)


def _secrets(site: SiteConfig) -> list[str]:
    password = site.http_credentials.password if site.http_credentials else None
    headers = [value for _, value in site.extra_headers if not isinstance(value, str)]
    return [secret.reveal() for secret in (site.storage_state, password, *headers) if secret is not None]


def test_only_the_secrets_of_the_wanted_site_are_needed(tmp_path: Path) -> None:
    text = "sites:\n" + "".join(
        f"  - {{name: {name}, start: https://{name}.example, storage_state: 'env:{name.upper()}'}}\n" for name in "ab"
    )
    assert _secrets(load(tmp_path, text, {"A": "x"}, site_secrets="a").site("a")) == ["x"]
    assert _secrets(load(tmp_path, text, site_secrets=False).site("b")) == []
    assert len(problems(tmp_path, text)) == 2
    wrong = text.replace("env:B", "hunter2")
    assert "plain text" in problems(tmp_path, wrong, {"A": "x"}, site_secrets="a")[0]


@pytest.mark.parametrize("named", [{"url": "b", "site_name": None}, {"url": None, "site_name": "b"}])
def test_a_site_may_be_named_where_a_url_may(tmp_path: Path, named: dict[str, str | None]) -> None:
    path = tmp_path / "tagdrift.yaml"
    path.write_text(
        "sites:\n  - {name: a, start: https://a.example, storage_state: 'env:NOT_SET'}\n  - {name: b, start: https://b.example}\n"
    )
    assert target(path, None, **named).site.start == ("https://b.example",)  # and nobody asks for a's secret
    assert target(path, None, url="c.example", site_name=None).site.name == "c.example"


# --------------------------------------------------------------------------- a URL alone


@pytest.mark.parametrize(
    ("url", "start", "name"),
    [
        ("https://www.clinic.example", "https://www.clinic.example", "www.clinic.example"),
        (" clinic.example/de ", "https://clinic.example/de", "clinic.example"),
        ("localhost:8443", "https://localhost:8443", "localhost-8443"),
        ("http://[::1]:8080/", "http://[::1]:8080/", "1-8080"),
    ],
)
def test_a_url_is_enough(url: str, start: str, name: str) -> None:
    site = site_from_url(url, max_pages=3)
    assert (site.start, site.name, site.max_pages) == ((start,), name, 3)


@pytest.mark.parametrize(
    "url", ["", "ftp://a.example", "https://", "a b", "https://u:p@a.example", "javascript:alert(1)"]
)
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(UsageError):
        site_from_url(url)
