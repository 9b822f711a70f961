"""Write docs/vendors/*.md from the rule files: `python -m tests.docs.make_vendor_pages`."""

from __future__ import annotations

from pathlib import Path

from rules.load import load_rules
from rules.vendor_docs import vendor_pages

FOLDER = Path(__file__).parents[2] / "docs" / "vendors"


def main() -> None:
    pages = vendor_pages(load_rules())
    FOLDER.mkdir(exist_ok=True)
    for stale in FOLDER.glob("*.md"):
        if stale.name not in pages:
            stale.unlink()
    for name, text in pages.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    print(f"{len(pages)} pages in {FOLDER}")


if __name__ == "__main__":
    main()
