"""Use cases: what a person, a cron job or the daemon asks for. Builds nothing; gets its parts handed in."""
