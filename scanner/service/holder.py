"""Who holds a site's lease: a process of a machine, told by name."""

from __future__ import annotations

import os
import socket
import uuid


def new_holder() -> str:
    """Return a name for one scan of this process: `host:pid:token`."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def is_dead(holder: str) -> bool:
    """Say whether `holder` was a process of this machine that is no more; False whenever that is not certain."""
    host, _, rest = holder.partition(":")
    process, _, _ = rest.partition(":")
    if host != socket.gethostname() or not (process.isascii() and process.isdigit()):
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False  # it is there and somebody else's, or no process id at all
    return False
