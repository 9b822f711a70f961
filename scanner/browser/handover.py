"""Run as a program in the browser's stead: hand the ends of its pipe to the scanner, then become the browser.

Playwright starts what it takes for the browser and speaks to it through file descriptors 3 and 4. This program, which
Playwright starts instead, passes both to the scanner together with the ends of a new pair, puts the other ends of that
pair in their place and becomes the browser: same process, same arguments. From then on the scanner stands in the line
between the two (`wire`). Only the standard library is there: it runs isolated, without the scanner's packages.
"""

from __future__ import annotations

import os
import socket
import sys

BROWSER = "TAGDRIFT_HANDOVER_BROWSER"
PLACE = "TAGDRIFT_HANDOVER_SOCKET"
PYTHON = "TAGDRIFT_HANDOVER_PYTHON"
PROGRAM = "TAGDRIFT_HANDOVER_PROGRAM"
COMMANDS, EVENTS = 3, 4
"""Where a browser reads commands and writes what happens."""


def main() -> None:
    browser, place = os.environ.pop(BROWSER), os.environ.pop(PLACE)
    del os.environ[PYTHON], os.environ[PROGRAM]
    commands_end, commands = os.pipe()
    events, events_end = os.pipe()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.connect(place)
        socket.send_fds(line, [b"ends"], [COMMANDS, EVENTS, commands, events])
    os.dup2(commands_end, COMMANDS)  # inheritable, unlike the pipe's own ends
    os.dup2(events_end, EVENTS)
    os.execv(browser, [browser, *sys.argv[1:]])  # noqa: S606 - the user's own browser


if __name__ == "__main__":
    main()
