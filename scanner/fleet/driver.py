"""Playwright's driver, a program of its own: what to say when it does not start."""

from __future__ import annotations

from scanner.errors import CannotRun


def driver_trouble(error: Exception) -> CannotRun:
    """Turn what Playwright raised while starting its driver into words with a next step."""
    return CannotRun(
        f"Playwright's driver does not start: {str(error).strip() or type(error).__name__}",
        hint="its own words are above; in a slim image a library is missing (Debian: apt-get install libatomic1)",
    )
