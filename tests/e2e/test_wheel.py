"""What is installed is the whole of it: the wheel is built, put into an environment of its own and used from there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from scanner.har_export import har_chunks
from tests import make

ROOT = Path(__file__).parents[2]
PACKAGES = ("scanner", "rules", "reports")
NEEDED = (
    "rules/vendors/pinterest.yaml",
    "rules/vendors/meta.yaml",
    "rules/vendors/google-analytics.yaml",
    "rules/schema.json",
    "rules/entities.tsv",
    "rules/health_terms.yaml",
    "reports/report_schema.json",
    "reports/templates/report.html.j2",
    "reports/templates/report.css",
    "reports/templates/report.js",
    "scanner/browser/handover.sh",
    "scanner/config_schema.json",
    "scanner/store/migrations/env.py",
    "scanner/demo/assets/core.js",
    "scanner/demo/assets/loopback-only.pem",
    "scanner/demo/pages/home.html",
)


@dataclass(frozen=True, slots=True)
class Installed:
    wheel: Path
    folder: Path

    def run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program of the new environment, far from the sources."""
        program = self.folder / "venv" / "bin" / words[0]
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL"))}
        return subprocess.run(
            [program, *words[1:]], input=stdin, capture_output=True, text=True, cwd=self.folder, env=clean, timeout=240
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=300)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True, timeout=300)
    python = folder / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "install", "--no-index"]
    subprocess.run([*pip, "--no-deps", str(wheel)], check=True, capture_output=True, timeout=300)
    # The dependencies are taken from where the tests run. Only their directory: its own `.pth` files, one of which
    # points to these sources, are not read.
    where = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], capture_output=True, text=True
    )
    dependencies = {path for path in (*sys.path, sysconfig.get_path("purelib")) if path.endswith("site-packages")}
    Path(where.stdout.strip(), "dependencies.pth").write_text("\n".join(sorted(dependencies)) + "\n")
    return Installed(wheel, folder)


def files_of(package: str) -> set[str]:
    return {
        str(path.relative_to(ROOT))
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in (".pyc", ".orig")
    }


def test_every_file_of_the_packages_is_in_the_wheel_and_nothing_else(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as archive:
        names = set(archive.namelist())
    assert [name for name in NEEDED if name not in names] == []
    assert any(name.startswith("scanner/store/migrations/versions/") for name in names)
    assert set().union(*map(files_of, PACKAGES)) <= names
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == set(PACKAGES)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert not any(name.endswith((".db", ".pyc")) for name in names)


def test_what_runs_is_what_was_installed(installed: Installed) -> None:
    show = "import scanner, rules, reports; print(scanner.__file__, rules.__file__, reports.__file__, sep='\\n')"
    done = installed.run("python", "-c", show)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.split():
        assert line.startswith(str(installed.folder / "venv"))


def test_the_rules_work_from_there(installed: Installed) -> None:
    done = installed.run("tagdrift", "rules", "test")
    assert done.returncode == 0, done.stderr
    assert "examples match" in done.stdout


def test_explain_works_from_there(installed: Installed) -> None:
    request = {
        "url": "https://ct.pinterest.com/v3/?tid=2612000000001&event=lead",
        "page_url": "https://clinic.example/",
    }
    done = installed.run("tagdrift", "explain", "--json", stdin=json.dumps(request) + "\n")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["owner"]
    assert [(d["vendor"], d["account"], d["event"]) for d in answer["detections"]] == [
        ("pinterest", "2612000000001", "lead")
    ]


def test_a_store_is_made_and_a_report_is_written_from_there(installed: Installed) -> None:
    requests = [make.request(make.page_url("/"), type="document", mime="text/html"), make.request()]
    (installed.folder / "a.har").write_text("".join(har_chunks([make.capture("/", requests)])))
    done = installed.run("tagdrift", "har", "a.har", "--report", "out")
    assert done.returncode == 0, done.stderr
    assert "Pinterest" in (installed.folder / "out" / "report.html").read_text()
    history = installed.run("tagdrift", "history")  # opens a new store: the migrations are there
    assert (history.returncode, history.stdout) == (0, "no scans yet: tagdrift scan URL\n"), history.stderr
