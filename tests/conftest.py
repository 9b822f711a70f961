"""For all tests."""

from __future__ import annotations

import hypothesis

# A law holds or it does not; how long an example took on a busy machine says nothing about it.
hypothesis.settings.register_profile("laws", deadline=None)
hypothesis.settings.load_profile("laws")
