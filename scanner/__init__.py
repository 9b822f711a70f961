"""tagdrift: notice when an advertising tag comes back to a site that had taken it out."""

__version__ = "0.1.0"
