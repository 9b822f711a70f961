"""`kill -9` between a finished scan and its mails, at any moment: no mail lost, no incident doubled.

A message is sent twice only if the process died after the server had taken it and before that was written down: the
window SMTP leaves open. Such duplicates are counted, and each bears the Message-ID of the first.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rules.load import load_rules
from scanner.judging import Judging
from scanner.mailroom import Mailroom
from scanner.model import Coverage, DeliveryState, PageInventory, ScanState, SiteConfig
from scanner.ports import Store
from scanner.service.compare import compare_scans, older_side
from scanner.service.judge import RulesJudge
from scanner.service.settle import settle, unsettled
from scanner.store import open_store
from tests import make
from tests.mail_server import PASSWORD, MailServer

KILLS = 50
RECIPIENTS = ("a@clinic.example", "b@clinic.example", "c@clinic.example")
SITE = SiteConfig(name="clinic", start=(f"{make.SITE}/",))
PAGES = ("/", "/blog")


class Clock:
    def __init__(self, time: datetime) -> None:
        self.time = time

    def now(self) -> datetime:
        return self.time


def at(round_: float) -> datetime:
    """A round is a day: what a killed process had claimed is free again half a day later."""
    return make.NOW + timedelta(days=round_)


def inventories(round_: int) -> list[PageInventory]:
    """Each round brings one more tag: every scan but the first has news."""
    tags = [make.sighting(of=make.tag(account=f"26120000{n:05}")) for n in range(round_)]
    return [make.inventory(path, tags) for path in PAGES]


def finished_scan(store: Store, judge: RulesJudge, round_: int) -> None:
    scan = store.begin_scan(SITE.name, at(round_), SITE.profile, "1", judge.digest, "config")
    for page in inventories(round_):
        store.save_visit(scan.id, make.capture(page.page.removeprefix(make.SITE)), page, judge.digest)
    coverage = Coverage(planned=len(PAGES), ok=len(PAGES))
    store.finish_scan(scan.id, ScanState.COMPLETE, at(round_), coverage, ())


def tell(
    store: Store, judge: RulesJudge, config: Path, round_: float, settled: Callable[[], None] = lambda: None
) -> None:
    """What `App` does after a scan: settle it and those a killed process left, then empty the outbox."""
    from scanner.config import load_config

    mail = load_config(config).mail
    assert mail is not None
    room = Mailroom(store, Clock(at(round_)), lambda: judge.names, mail, config)
    for scan in unsettled(store, SITE.name):
        older, approval = older_side(store, scan)
        comparison = compare_scans(store, judge, scan, older, approval)
        settle(store, comparison, room.teller(SITE, comparison, frozenset()))
    settled()
    room.send()


def die_after(calls: int) -> None:
    """Kill this process with its call number `calls`: evenly over the work, however busy the machine is."""
    left = calls

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal left
        left -= event in ("call", "c_call")
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)


class Calls:
    """Counts the calls of this process from `start` on."""

    def __init__(self) -> None:
        self.number = 0

    def start(self) -> None:
        self.number = 0
        sys.setprofile(self._count)

    def stop(self) -> int:
        sys.setprofile(None)
        return self.number

    def _count(self, _frame: object, event: str, _argument: object) -> None:
        self.number += event in ("call", "c_call")


def nursery(folder: str) -> None:
    """Fork a child for each new scan, kill it at a random moment, and let another process go on half a day later."""
    place = Path(folder)
    url, config = f"sqlite:///{place / 'store.db'}", place / "tagdrift.yaml"
    judge = RulesJudge(load_rules(()), Judging())
    judge.digest  # noqa: B018 - worked out before the forks

    def go_on(time: float, settled: Callable[[], None] = lambda: None) -> None:
        store = open_store(url)
        tell(store, judge, config, time, settled)
        store.close()

    chance = random.Random(20260302)
    first_calls, send_calls = Calls(), Calls()
    for round_ in range(KILLS + 3):
        store = open_store(url)
        finished_scan(store, judge, round_)
        store.close()
        if round_ < 2:  # nothing to tell; then news, and everything is loaded for it
            go_on(round_)
            continue
        if round_ == 2:  # news again: so much work it is, and so little of it is sending
            first_calls.start()
            go_on(round_, settled=send_calls.start)
            send_calls.stop()
            continue
        anywhere = chance.randrange(first_calls.number + send_calls.number)
        while_sending = chance.randrange(send_calls.number)
        child = os.fork()
        if not child:
            if round_ % 2:  # most of the work is comparing and composing
                die_after(anywhere)
                go_on(round_)
            else:  # between claim, server and store
                go_on(round_, settled=partial(die_after, while_sending))
            os._exit(1)  # not killed after all
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 1
        print("killed" if os.WIFSIGNALED(status) else "came to its end", flush=True)
        go_on(round_ + 0.5)


@pytest.mark.timeout(600)
def test_killed_at_fifty_moments_no_mail_is_lost_and_no_incident_doubled(tmp_path: Path) -> None:
    with MailServer(tmp_path / "mail") as server:
        mail: dict[str, Any] = {
            "smtp": server.config(),
            "from": "tagdrift@clinic.example",
            "to": list(RECIPIENTS),
            "heartbeat": "never",
        }
        (tmp_path / "tagdrift.yaml").write_text(json.dumps({"mail": mail}), encoding="utf-8")
        command = [sys.executable, "-c", f"from tests.e2e.test_mail_kill import nursery; nursery({str(tmp_path)!r})"]
        environment = {**os.environ, "SMTP_PASSWORD": PASSWORD}
        done = subprocess.run(
            command, cwd=Path(__file__).parents[2], env=environment, check=True, timeout=550, capture_output=True
        )
        taken = server.drain()

    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    scans = store.scans(SITE.name)
    assert len(scans) == KILLS + 3 and all(store.is_settled(scan.id) for scan in scans)
    incidents = store.incidents(SITE.name)
    accounts = [incident.finding.tag.account for incident in incidents if incident.finding.tag]
    assert len(accounts) == len(set(accounts)) == KILLS + 2, "each tag has its one incident"
    for incident in incidents:
        entries = [entry.scan_id for entry in store.incident_history(incident.id)]
        assert entries == [scan.id for scan in reversed(scans) if scan.id >= incident.opened_scan], "each scan, once"

    # Each recipient got one message of each scan with news, whatever was killed.
    messages = store.deliveries(1_000)
    assert {message.state for message in messages} == {DeliveryState.SENT}
    assert len(messages) == len(RECIPIENTS) * (KILLS + 2)
    assert {(one.recipients, one.message_id) for one in taken} == {
        ((message.recipient,), next(t.message_id for t in taken if t.content.strip() == message.content.strip()))
        for message in messages
    }
    copies = Counter((one.recipients, one.message_id) for one in taken)
    duplicates = sum(copies.values()) - len(messages)
    tries = {message.recipient + message.subject: message.attempts for message in messages}
    for one in taken:
        if copies[one.recipients, one.message_id] > 1:
            assert tries[one.recipients[0] + one.subject] > 1, "only after a process that died"
    kills = done.stdout.split().count(b"killed")
    print(f"\n{len(messages)} messages, {kills} kills, {duplicates} duplicates in the window")
    assert kills > KILLS * 0.9
    assert duplicates < KILLS / 5, "at most one a kill, and nearly all kills hit elsewhere"
    store.close()
