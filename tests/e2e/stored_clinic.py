"""A clinic whose scans are put into a store: commands on finished scans run without a browser."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from scanner.cli.main import run
from scanner.model import PageCapture, Profile, ScanState
from scanner.store import open_store
from tests import make
from tests.e2e.cli import report_schema

META = "https://www.facebook.com/tr/?id=123456789012345&ev=PageView&dl=https%3A%2F%2Fwww.clinic.example%2F&rl=&if=false"
LEAD = "https://www.facebook.com/tr/?id=123456789012345&ev=Lead&ud[em]=" + "ab" * 32 + "&rl=&if=false"
OTHER_ACCOUNT = META.replace("123456789012345", "999999999999999")
STRANGER = "https://px.newcomer.test/p.gif?x=1"
PATHS = ("/", "/about", "/appointments")
OBSERVE = "policy: {preset: observe}\n"
HEALTHCARE = "policy: {preset: healthcare}\n"

APPROVE = ("approve", "clinic", "--who", "officer", "--reason", "agreed with counsel")

Requests = dict[str, tuple[str, ...]]
"""Path → URLs that the page asks for."""


class Clinic:
    """A working directory with a configuration and a store of finished scans."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self._scans = 0
        self.configure(OBSERVE)

    @property
    def file(self) -> Path:
        return self.folder / "tagdrift-approvals.yaml"

    def configure(self, more: str) -> None:
        text = f"sites: [{{name: clinic, start: https://www.clinic.example/}}]\n{more}"
        (self.folder / "tagdrift.yaml").write_text(text, encoding="utf-8")

    def scanned(self, requests: Requests, *, seen_whole: int = len(PATHS)) -> int:
        """Put a finished scan of every path into the store; each is a day after the one before."""
        begun = make.NOW + timedelta(days=self._scans)
        self._scans += 1
        store = open_store("sqlite:///tagdrift.db")
        scan = store.begin_scan("clinic", begun, Profile(), "0.1", "older rules", "config")
        for number, path in enumerate(PATHS):
            urls = requests.get(path, ())
            capture: PageCapture = make.capture(path, [make.request(url) for url in urls], started_at=begun)
            if number >= seen_whole:
                capture = make.failed_capture(path, started_at=begun)
            store.save_visit(scan.id, capture, make.inventory(path, outcome=capture.outcome), "older rules")
        coverage = make.coverage(planned=len(PATHS), ok=seen_whole, failed=len(PATHS) - seen_whole)
        store.finish_scan(scan.id, ScanState.COMPLETE, begun, coverage, ())
        store.close()
        return scan.id

    def say(self, *words: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        code = run(list(words))
        out, err = self._capsys.readouterr()
        return code, out, err

    def done(self, *words: str) -> str:
        """Run a command that ends well; return what it printed."""
        code, out, err = self.say(*words)
        assert code == 0, err
        return out

    def diff(self) -> tuple[int, list[tuple[str, list[str]]]]:
        """(exit code, the findings as (title, paths)) of the newest scan."""
        code, out, _ = self.say("diff", "clinic", "--json")
        document = json.loads(out)
        report_schema().validate(document)
        return code, [(f["title"], [page.removeprefix(make.SITE) for page in f["pages"]]) for f in document["findings"]]

    def entries(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = yaml.safe_load(self.file.read_text(encoding="utf-8"))["approvals"]
        return found

    def edit(self, old: str, new: str) -> None:
        text = self.file.read_text(encoding="utf-8")
        assert old in text
        self.file.write_text(text.replace(old, new), encoding="utf-8")
