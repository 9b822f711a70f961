"""The `mail` section: routes, chats, spans of time, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from scanner.config import MailConfig, MailRoute, load_config
from scanner.errors import ProblemsError
from scanner.model import Severity

BASE = "mail:\n  smtp: {host: mail.example}\n  from: t@clinic.example\n  to: it@clinic.example\n"


def read(
    folder: Path, more: str = "", environ: Mapping[str, str] | None = None, *, secrets: bool = False
) -> MailConfig:
    path = folder / "tagdrift.yaml"
    path.write_text(BASE + more, encoding="utf-8")
    mail = load_config(path, environ=environ or {}, mail_secrets=secrets).mail
    assert mail is not None
    return mail


def test_without_more_keys_everything_goes_to_everybody_weekly(tmp_path: Path) -> None:
    mail = read(tmp_path)
    assert (mail.routes, dict(mail.chat), mail.ping, mail.smtp.port) == ((), {}, None, 587)
    assert (mail.remind_after, mail.heartbeat) == (timedelta(days=7), timedelta(days=7))
    assert mail.overdue_after == timedelta(hours=36)


def test_routes_and_chats(tmp_path: Path) -> None:
    text = """
  chat: {team: "env:TEAM"}
  remind_after: never
  ping: https://hc.example/{site}
  routes:
    - {severity: high, to: [a@clinic.example, a@clinic.example], chat: team}
    - {vendor: pinterest, site: "clinic*", to: b@clinic.example}
"""
    mail = read(tmp_path, text)
    assert mail.routes == (
        MailRoute(to=("a@clinic.example",), chat=("team",), severity=Severity.HIGH),
        MailRoute(to=("b@clinic.example",), site=("clinic*",), vendor=("pinterest",)),
    )
    assert mail.remind_after is None
    assert mail.chat == {"team": None}, "secrets are followed only where they are wanted"
    assert mail.ping is not None and mail.ping.reveal() == "https://hc.example/{site}"
    told = read(tmp_path, text, {"TEAM": "json://hook.example/secret"}, secrets=True)
    assert told.chat["team"] is not None and told.chat["team"].reveal() == "json://hook.example/secret"
    assert "secret" not in repr(told)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        pytest.param("  routes: [{severity: high}]\n", "needs `to` or `chat`", id="a route to nobody"),
        pytest.param("  routes: [{chat: nobody}]\n", "no chat is called `nobody`", id="a chat nobody defined"),
        pytest.param("  routes: [{to: someone}]\n", "must be a mail address", id="no address"),
        pytest.param("  routes: [{to: a@b.example, severity: hi}]\n", "did you mean `high`?", id="severity"),
        pytest.param("  chat: {team: 'https://hooks.example/T0K3N'}\n", "is a secret", id="a secret in plain text"),
        pytest.param("  chat: {team: 'env:TEAM'}\n", "TEAM is not set", id="a variable that is missing"),
        pytest.param("  remind_after: 7\n", "`never` or a duration", id="a number without its unit"),
        pytest.param("  ping: ftp://x.example/\n", "no http(s) URL", id="ping"),
        pytest.param("  reply_to: müller@clinic.example\n", "plain ASCII", id="what SMTP cannot carry"),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(tmp_path: Path, more: str, said: str) -> None:
    with pytest.raises(ProblemsError) as raised:
        read(tmp_path, more, secrets=True)
    assert any(said in str(problem) and problem.line and problem.line > 4 for problem in raised.value.problems)
    assert "T0K3N" not in str(raised.value)


def test_a_password_is_not_sent_in_the_clear(tmp_path: Path) -> None:
    path = tmp_path / "tagdrift.yaml"
    text = (
        "mail: {smtp: {host: HOST, security: none, username: u, password: 'env:P'}, from: a@b.example, to: a@b.example}"
    )
    path.write_text(text.replace("HOST", "127.0.0.1"), encoding="utf-8")
    assert load_config(path, environ={}).mail is not None
    path.write_text(text.replace("HOST", "mail.example"), encoding="utf-8")
    with pytest.raises(ProblemsError, match="unprotected"):
        load_config(path, environ={})
