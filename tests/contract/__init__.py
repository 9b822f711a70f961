"""One contract for every store: memory, SQLite, PostgreSQL."""
