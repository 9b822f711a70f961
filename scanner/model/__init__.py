"""The values that travel down the line. Standard library only; frozen; no behaviour beyond tiny helpers.

Conventions: times are aware UTC datetimes; units stand in names; `None` always means *unknown* or
*not applicable* as the field says, never "nothing" (that is an empty tuple or empty bytes).
"""

from __future__ import annotations

from scanner.model.approval import Approval, ApprovalEvent
from scanner.model.capture import (
    CookieRecord,
    Initiator,
    Link,
    PageCapture,
    RequestRecord,
    SecondLook,
    SignalKind,
    SourceSignal,
    StorageKey,
)
from scanner.model.delivery import Delivery, DeliveryFailure, DeliveryState, DeliveryTrouble
from scanner.model.detection import Category, Detection, DetectionKind, Exposure, ExposureKind, Form, TagKey
from scanner.model.drift import Drift, DriftEntry, Unverified, Verdict
from scanner.model.finding import Finding, Severity
from scanner.model.incident import Incident, IncidentChange, IncidentChangeKind, IncidentEntry, IncidentState
from scanner.model.inventory import Identity, PageInventory, Sighting, SightingKind
from scanner.model.scan import Coverage, ScanKind, ScanRecord, ScanState, SkippedPage, Snapshot
from scanner.model.site import (
    ConsentState,
    Device,
    HttpCredentials,
    Profile,
    ResolveRule,
    Retention,
    Scope,
    Secret,
    SiteConfig,
    SiteSchedule,
    VisitLimits,
    When,
)
from scanner.model.summary import PageGroupCount, ScanSummary, SentKind, TagCount, TagPicture, TagPlace
from scanner.model.visit import GONE_STATUSES, BodyWanted, Outcome, StopReason, VisitTask, Wanted

__all__ = [
    "GONE_STATUSES",
    "Approval",
    "ApprovalEvent",
    "BodyWanted",
    "Category",
    "ConsentState",
    "CookieRecord",
    "Coverage",
    "Delivery",
    "DeliveryFailure",
    "DeliveryState",
    "DeliveryTrouble",
    "Detection",
    "DetectionKind",
    "Device",
    "Drift",
    "DriftEntry",
    "Exposure",
    "ExposureKind",
    "Finding",
    "Form",
    "HttpCredentials",
    "Identity",
    "Incident",
    "IncidentChange",
    "IncidentChangeKind",
    "IncidentEntry",
    "IncidentState",
    "Initiator",
    "Link",
    "Outcome",
    "PageCapture",
    "PageGroupCount",
    "PageInventory",
    "Profile",
    "RequestRecord",
    "ResolveRule",
    "Retention",
    "ScanKind",
    "ScanRecord",
    "ScanState",
    "ScanSummary",
    "Scope",
    "SecondLook",
    "Secret",
    "SentKind",
    "Severity",
    "Sighting",
    "SightingKind",
    "SignalKind",
    "SiteConfig",
    "SiteSchedule",
    "SkippedPage",
    "Snapshot",
    "SourceSignal",
    "StopReason",
    "StorageKey",
    "TagCount",
    "TagKey",
    "TagPicture",
    "TagPlace",
    "Unverified",
    "Verdict",
    "VisitLimits",
    "VisitTask",
    "Wanted",
    "When",
]
