"""CSV for spreadsheets: one line for each finding and page. No cell can start a formula."""

from __future__ import annotations

import csv
import io

from reports.escape import csv_cell
from reports.model import ReportView

COLUMNS = (
    "site", "scan", "scanned_at", "severity", "verdict", "violation", "vendor", "product", "account", "owner",
    "category", "page", "events", "sends", "loaded_by", "title", "policy_rule", "key",
)  # fmt: skip


def render_csv(view: ReportView) -> str:
    """Return a table with a header line, CRLF line ends (RFC 4180) and one line for each finding and page."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(COLUMNS)
    for found in view.findings:
        finding = found.finding
        before = (
            view.site,
            str(view.scan.id),
            view.scan.started_at.isoformat(),
            finding.severity.value,
            finding.verdict.value,
            "yes" if finding.violation else "no",
            finding.tag.vendor if finding.tag else "",
            finding.tag.product if finding.tag else "",
            (finding.tag.account or "") if finding.tag else "",
            finding.owner or "",
            finding.category.value,
        )
        after = (
            "; ".join(finding.events),
            "; ".join(f"{kind} in {field}" for kind, field in finding.sends),
            "; ".join(finding.loaders),
            finding.title,
            finding.rule or "",
            finding.key,
        )
        for page in finding.pages or ("",):
            table.writerow(csv_cell(cell) for cell in (*before, page, *after))
    return out.getvalue()
