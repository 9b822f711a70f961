"""`python -m tests.fuzz TARGET FOLDER [libFuzzer options]`: look for inputs that raise or take longer than a second.

FOLDER keeps what was found between runs. Needs atheris, which is not among the project's dependencies.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris  # type: ignore[import-not-found,unused-ignore]

with atheris.instrument_imports(include=["rules", "scanner"]):
    from tests.fuzz.targets import TARGETS, seeds


def main() -> None:
    target, folder = sys.argv[1], Path(sys.argv[2])
    corpus = folder / target
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(target)):
        (corpus / f"seed-{number:04d}").write_bytes(seed)
    options = [
        f"-artifact_prefix={folder}/{target}-",
        "-timeout=1",
        "-rss_limit_mb=4096",
        "-max_len=65536",
        "-report_slow_units=1",
    ]
    atheris.Setup([sys.argv[0], *options, *sys.argv[3:], str(corpus)], TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
