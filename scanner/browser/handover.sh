#!/bin/sh
# What Playwright starts as its browser: the program beside this file, which hands the pipe over and becomes the browser.
exec "$TAGDRIFT_HANDOVER_PYTHON" -I -S "$TAGDRIFT_HANDOVER_PROGRAM" "$@"
