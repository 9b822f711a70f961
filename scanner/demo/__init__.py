"""A made-up clinic to try the scanner on, without a network and without harm."""

from scanner.demo.server import ClinicSite

__all__ = ["ClinicSite"]
