"""Called by `alembic upgrade head`: all that is new, in one transaction."""

from alembic import context
from jobs import engine

with engine.begin() as database:
    # One at a time; and rather fail than have everybody wait behind a lock.
    database.exec_driver_sql("SELECT pg_advisory_xact_lock(1)")
    database.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
    context.configure(connection=database)
    context.run_migrations()
