"""What a site's owner adds to the judgement: known identities, health terms. Values."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from scanner.model import ExposureKind, Secret

KINDS = (
    ExposureKind.EMAIL,
    ExposureKind.PHONE,
    ExposureKind.NAME,
    ExposureKind.ADDRESS,
    ExposureKind.DATE_OF_BIRTH,
    ExposureKind.EXTERNAL_ID,
    ExposureKind.FREE_TEXT,
)
"""What can be watched."""


@dataclass(frozen=True, slots=True)
class WatchedIdentity:
    """One value of an invented person that must not turn up in any request."""

    kind: ExposureKind
    """One of `KINDS`."""
    value: Secret
    label: str
    """What reports call the person; never the value itself."""


@dataclass(frozen=True, slots=True)
class Judging:
    """Beside the rules, what decides how captures are judged."""

    identities: tuple[WatchedIdentity, ...] = ()
    health_terms: tuple[str, ...] = ()
    """The site's own terms: names of doctors, service lines."""
    health_ignored: tuple[str, ...] = ()
    """Bundled terms that are left out."""

    @property
    def digest(self) -> str:
        """Equal for equal judgement; does not give the values away. Empty for the default.

        A plain hash of an e-mail address is the address to whoever can guess it, and digests are stored. This one takes
        a tenth of a second and mixes all values.
        """
        if self == Judging():
            return ""
        told = [f"{one.kind.value}\0{one.label}\0{one.value.reveal()}" for one in self.identities]
        plain = "\1".join((*told, *self.health_terms, "\2", *self.health_ignored))
        return hashlib.scrypt(plain.encode(), salt=b"tagdrift judging", n=2**14, r=8, p=1, dklen=32).hex()
