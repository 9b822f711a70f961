"""What a tag-manager container holds, as values, and what changed between two versions of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TagRole(StrEnum):
    """What an entry of a container's tag list is for."""

    TAG = "tag"
    """Sends or loads something."""
    LISTENER = "listener"
    """Watches an interaction (form submission, click, scrolling …) on behalf of triggers."""
    SETTING = "setting"
    """Configures the Google tag; told again, in words, among the features."""


@dataclass(frozen=True, slots=True)
class ContainerTag:
    """One entry of a container's tag list."""

    index: int
    """Place in the list. Changes from version to version: never compared."""
    function: str
    """`__html`, `__gaawe`, `__cvt_123_45` …; of a paused tag the function it had before."""
    vendor: str | None
    """Vendor id as in the rule files; None: could not be told."""
    product: str | None
    account: str | None
    """Customer account at the vendor, resolved from constants and lookup tables (`A | B` when a table gives
    several); None when the container does not say."""
    event: str | None
    trigger: str
    """When it fires, in words: `on page view where Page Path contains "/thank-you"`."""
    paused: bool
    html: str | None
    """Text of a custom HTML tag, variables as `{{name}}`; None for every other kind."""
    hosts: tuple[str, ...]
    """Hosts named in its HTML, template code, permissions or settings; sorted, unique."""
    details: tuple[tuple[str, str], ...]
    """Further settings as (name, value in words), sorted by name."""
    role: TagRole = TagRole.TAG
    tag_id: int | None = None
    """The entry's id inside the container, stable while somebody edits it; None if missing."""

    @property
    def label(self) -> str:
        """The tag in a few words, for sentences: `pinterest-tag 2612345678901 (pagevisit)`."""
        name = self.product or _FUNCTION_LABELS.get(self.function) or self.function.strip("_")
        return " ".join(part for part in (name, self.account, f"({self.event})" if self.event else None) if part)


@dataclass(frozen=True, slots=True)
class ContainerFeature:
    """One capability of the container or of an account configured in it."""

    name: str
    """`automatic e-mail detection`, `e-mail redaction`, `watches form submissions` …"""
    on: bool
    """False: present and switched off. A feature that is not listed is not configured."""
    account: str | None = None
    detail: str | None = None
    """Parameters in words, e.g. the search parameters that are read; None when there are none."""

    @property
    def label(self) -> str:
        text = f"{self.name} for {self.account}" if self.account else self.name
        return f"{text} ({self.detail})" if self.detail else text


@dataclass(frozen=True, slots=True)
class Container:
    """A published container or Google tag."""

    id: str | None
    """`GTM-…`, `G-…`, `AW-…`; None when neither the address nor the code names it."""
    version: str | None
    tags: tuple[ContainerTag, ...]
    """In the container's order."""
    features: tuple[ContainerFeature, ...]
    """Sorted by name, account and detail; unique."""
    hosts: tuple[str, ...]
    """Every host its tags, variables and templates name; sorted, unique."""
    complete: bool = True
    """False: the script broke off, or holds more than is read. What is here was there; what is
    missing may be missing only for that reason."""

    @property
    def features_on(self) -> tuple[str, ...]:
        """Names of the features that are switched on, sorted, unique."""
        return tuple(sorted({feature.name for feature in self.features if feature.on}))

    @property
    def name(self) -> str:
        return self.id or "The container"


class ChangeKind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    PAUSED = "paused"
    RESUMED = "resumed"
    SWITCHED_ON = "switched-on"
    SWITCHED_OFF = "switched-off"
    FEATURE_CHANGED = "feature-changed"
    VERSION = "version"
    """The version number moved and nothing that is compared did."""


@dataclass(frozen=True, slots=True)
class ContainerChange:
    """One difference between two versions of a container: of a tag, of a feature, or of the number alone."""

    kind: ChangeKind
    sentence: str
    """One sentence for a person, complete with container and versions."""
    before: ContainerTag | ContainerFeature | None = None
    after: ContainerTag | ContainerFeature | None = None
    fields: tuple[str, ...] = ()
    """For CHANGED: names of the fields that differ."""


_FUNCTION_LABELS = {"__html": "custom HTML", "__img": "custom image"}
