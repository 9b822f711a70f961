"""What Chromium's sandbox needs of the machine, and what to say when it is missing."""

from __future__ import annotations

import os
import subprocess
import sys

_NEW_USER_NAMESPACE = "import ctypes; raise SystemExit(ctypes.CDLL(None).unshare(0x10000000) != 0)"


def sandbox_trouble() -> str | None:
    """Say in a hint that this machine refuses what Chromium's sandbox needs; None if it does not, or there is none."""
    if sys.platform != "linux" or os.geteuid() == 0:  # as root it runs without one
        return None
    tried = subprocess.run([sys.executable, "-c", _NEW_USER_NAMESPACE], check=False, timeout=20, capture_output=True)  # noqa: S603 - our own interpreter
    if tried.returncode == 0:
        return None
    return (
        "this machine refuses user namespaces, which Chromium's sandbox needs: in a container allow them with a "
        "seccomp profile (docs/operations.md), elsewhere with sysctl kernel.unprivileged_userns_clone=1"
    )
