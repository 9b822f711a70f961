"""Runs the installed `tagdrift` as a user does: a process of its own, in a directory of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import psutil

from tests.site.server import FixtureServer

COMMAND = str(Path(sys.executable).with_name("tagdrift"))
ROOT = Path(__file__).parents[2]
_KEPT_VARIABLES = ("PATH", "LANG", "TAGDRIFT_BROWSER", "PLAYWRIGHT_BROWSERS_PATH", "TMPDIR")
_MARK = "TAGDRIFT_TEST_MARK"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a finished command left behind."""

    args: tuple[str, ...]
    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document on standard output, and nothing else there."""
        document = json.loads(self.stdout)
        assert isinstance(document, dict)
        return document

    def exits(self, code: int) -> Ran:
        """Return this run; fail with all it said if it ended otherwise."""
        said = f"tagdrift {' '.join(self.args)} → {self.code}, not {code}\n{self.stdout[-3000:]}\n{self.stderr[-5000:]}"
        assert self.code == code, said
        return self


class Workplace:
    """A directory with its own home, store and environment, in which `tagdrift` is run."""

    def __init__(self, folder: Path, **variables: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.mark = uuid.uuid4().hex
        self.environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        self.environment |= {"HOME": str(folder), _MARK: self.mark, **variables}

    def run(
        self,
        *args: str | Path,
        stdin: str | bytes = b"",
        variables: Mapping[str, str] | None = None,
        timeout_s: float = 240,
    ) -> Ran:
        """Run one command to its end."""
        words = tuple(map(str, args))
        done = subprocess.run(
            [COMMAND, *words],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            cwd=self.folder,
            env={**self.environment, **(variables or {})},
            timeout=timeout_s,
        )
        return Ran(words, done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *args: str | Path) -> subprocess.Popen[str]:
        """Start one command; the caller sees to its end."""
        return subprocess.Popen(
            [COMMAND, *map(str, args)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=self.environment,
            text=True,
        )

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    @property
    def store(self) -> Path:
        """Where a command without `--store` keeps its scans."""
        return self.folder / "tagdrift.db"

    def living(self) -> list[psutil.Process]:
        """Every process that a command of this place started and that is still there, whoever its parent is by now."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(_MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def left_behind(self, timeout_s: float = 15) -> list[psutil.Process]:
        """The processes that outlive `timeout_s` more seconds; empty as it should be."""
        _, alive = psutil.wait_procs(self.living(), timeout=timeout_s)
        return alive


def reach(server: FixtureServer) -> tuple[str, ...]:
    """Options that send every host to `server`."""
    return ("--resolve", f"* 127.0.0.1:{server.port}", "--insecure")


def config_text(server: FixtureServer, start: str, name: str = "clinic", **keys: object) -> str:
    """Return a configuration of one site that is `server` alone, as fast as a loopback site may be asked.

    Nothing is forbidden there, so that only drift is reported. `keys` are further keys of the site. JSON is YAML, too.
    """
    site: dict[str, object] = {
        "name": name,
        "start": [start],
        "resolve": [f"* 127.0.0.1:{server.port}"],
        "insecure": True,
        "requests_per_second": 1000,
        "concurrency": 4,
        "limits": {"page_time": "3s", "drain": "300ms"},
        **keys,
    }
    return json.dumps({"policy": {"preset": "observe"}, "sites": [site]}, indent=1)


@cache
def report_schema() -> jsonschema.Draft202012Validator:
    schema = json.loads((ROOT / "reports" / "report_schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


def valid_report(ran: Ran) -> dict[str, Any]:
    """Return the report that a command printed, held against the published schema."""
    document = ran.document
    report_schema().validate(document)
    return document
