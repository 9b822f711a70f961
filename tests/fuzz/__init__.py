"""Coverage-guided fuzzing of everything that reads what strangers wrote; not part of CI (CONTRIBUTING.md)."""
