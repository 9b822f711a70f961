"""What a tag-manager container holds, boiled down to what is compared and told. Values; the standard library only."""

from __future__ import annotations

from dataclasses import dataclass

from scanner.model import Category, Detection, TagKey


@dataclass(frozen=True, slots=True)
class HeldTag:
    """One tag in a container, or several that nothing tells apart."""

    subject: str
    """The tag in a few words, stable between versions: `pinterest-tag 2612345678901 (signup)`."""
    tag: TagKey | None
    """Whose it is; None: no rule knows."""
    category: Category
    version: str | None
    """Digest of trigger, state, code and settings; None when the container was cut off."""
    details: tuple[tuple[str, str], ...]
    """`fires`, `state` (live | paused | never), `code` and `settings` (digests), sorted."""


@dataclass(frozen=True, slots=True)
class ContainerContent:
    """One container as read from one script."""

    tag: TagKey
    """The container's own."""
    version: str | None
    complete: bool
    """False: the script broke off or holds more than is read; what is missing may be there all the same."""
    held: tuple[HeldTag, ...]
    """Sorted by subject, unique."""
    features: tuple[tuple[str, str | None], ...]
    """(feature that is switched on, digest of its parameters or None), sorted."""
    detections: tuple[Detection, ...]
    """Tags that the container would fire, evidence `container`: on which page, their triggers say."""

    @property
    def name(self) -> str:
        """`GTM-ABC123 version 42`."""
        account = self.tag.account or "a container"
        return f"{account} version {self.version}" if self.version else account
