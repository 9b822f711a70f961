"""The command line. `main` is the entry point; this room is the only importer of Click and Rich."""

from scanner.cli.main import main

__all__ = ["main"]
