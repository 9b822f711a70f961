"""Run by Alembic. The connection, its transaction and the lock come from `scanner.store.migrate`.

A new migration is a new numbered file in `versions/`, written by hand, with plain SQLAlchemy types (the ones in
`tables.py` may change later), and the new number in `migrate.HEAD`. Migrations only ever go up.
"""

from alembic import context

from scanner.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table=context.config.get_main_option("version_table"),
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
