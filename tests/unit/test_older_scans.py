"""Which earlier scan a later one goes by."""

from __future__ import annotations

import pytest

from scanner.model import Coverage, ScanKind, ScanRecord, ScanState
from scanner.older_scans import best_to_go_by, narrow
from tests import make

WHOLE = Coverage(planned=14, ok=14)
FEW = Coverage(planned=5, ok=5, excluded=(("page-limit", 9),))
ALWAYS_LIMITED = Coverage(planned=14, ok=13, excluded=(("page-limit", 300),))
OUTAGE = Coverage(planned=14, ok=2, failed=12)
ALL_DOWN = Coverage(planned=1, failed=1)


def scan(coverage: Coverage, config: str = "config", **more: object) -> ScanRecord:
    return make.scan_record(coverage=coverage, config_digest=config, **more)


@pytest.mark.parametrize(
    ("newest_first", "expected"),
    [
        pytest.param([], None, id="none"),
        pytest.param([WHOLE, WHOLE], 0, id="the newest"),
        pytest.param([OUTAGE, ALL_DOWN, WHOLE], 2, id="an outage is passed over"),
        pytest.param([FEW, WHOLE], 1, id="a scan of a few pages is passed over"),
        pytest.param([FEW, OUTAGE, FEW], 0, id="unless there is no wider one"),
        pytest.param([OUTAGE, ALL_DOWN], 0, id="little is better than nothing"),
        pytest.param([ALL_DOWN], None, id="nothing seen, nothing to go by"),
        pytest.param([ALWAYS_LIMITED, WHOLE, WHOLE], 0, id="a large site that always meets its limit"),
        pytest.param([FEW] * 10 + [WHOLE], 0, id="a limit that stays is the new measure"),
    ],
)
def test_what_a_scan_goes_by(newest_first: list[Coverage], expected: int | None) -> None:
    scans = [scan(coverage) for coverage in newest_first]
    found = best_to_go_by(scans)
    assert found is (None if expected is None else scans[expected])


def test_a_scan_of_a_few_pages_goes_by_the_last_one_of_these_pages() -> None:
    scans = [scan(FEW, "five pages"), scan(WHOLE)]
    assert best_to_go_by(scans, "five pages") is scans[0]
    assert best_to_go_by(scans, "config") is scans[1]


def test_light_and_unfinished_scans_are_nothing_to_go_by() -> None:
    scans = [scan(WHOLE, kind=ScanKind.LIGHT), scan(WHOLE, state=ScanState.INCOMPLETE), scan(WHOLE)]
    assert best_to_go_by(scans) is scans[2]


@pytest.mark.parametrize(
    ("newest_first", "expected"),
    [
        pytest.param([FEW, WHOLE], {2}, id="a person looks at five pages"),
        pytest.param([WHOLE, FEW, FEW, WHOLE], {3, 2}, id="twice, and then a scan of all"),
        pytest.param([FEW, OUTAGE, WHOLE], {3}, id="after an outage"),
        pytest.param([FEW, FEW], set(), id="nobody ever saw more"),
        pytest.param([ALWAYS_LIMITED, WHOLE], set(), id="a large site that always meets its limit"),
        pytest.param([FEW] * 12 + [WHOLE], set(range(3, 12)) | {2}, id="a limit that stays is the new measure"),
        pytest.param([Coverage(planned=5, ok=5), WHOLE], set(), id="the site has become smaller"),
    ],
)
def test_a_scan_that_its_own_limits_kept_to_a_part_of_the_site(
    newest_first: list[Coverage], expected: set[int]
) -> None:
    ids = range(len(newest_first), 0, -1)
    assert narrow([scan(coverage, id=id) for id, coverage in zip(ids, newest_first, strict=True)]) == expected
