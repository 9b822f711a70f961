"""JUnit XML: one test case a page, for CI servers that show nothing else."""

from __future__ import annotations

from collections import defaultdict
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from reports.escape import one_line
from reports.model import FindingView, ReportView
from scanner.model import Outcome, Verdict


def render_junit(view: ReportView) -> str:
    """Return a test suite: a page with a finding is a failure, one that was not seen whole an error, never a pass."""
    findings: dict[str, list[FindingView]] = defaultdict(list)
    for found in view.findings:
        if found.finding.verdict is not Verdict.REMOVED:
            for page in found.finding.pages:
                findings[page].append(found)
    unverified = {page: group.reason for group in view.unverified for page in group.pages}
    pages = sorted({page.page for page in view.pages} | findings.keys() | unverified.keys())
    suite = Element(
        "testsuite",
        name=one_line(f"tagdrift {view.site}"),
        tests=str(len(pages)),
        failures=str(len(findings)),
        errors=str(len(unverified.keys() - findings.keys())),
        skipped="0",
        timestamp=view.scan.started_at.strftime("%Y-%m-%dT%H:%M:%S"),
    )
    outcomes = {page.page: page.outcome for page in view.pages}
    for page in pages:
        case = SubElement(suite, "testcase", classname=one_line(view.site), name=one_line(page, 500))
        if page in findings:
            titles = [one_line(f"{f.finding.severity}: {f.finding.title}") for f in findings[page]]
            failure = SubElement(case, "failure", message=titles[0], type=findings[page][0].finding.severity.value)
            failure.text = "\n".join(titles)
        elif page in unverified or outcomes.get(page) not in (Outcome.OK, Outcome.FAILED):
            reason = one_line(unverified.get(page, "not seen whole"))
            SubElement(case, "error", message=f"unverified: {reason}", type="unverified")
    indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suite, encoding="unicode") + "\n"
