"""Run by Alembic, with Flask's application."""

from alembic import context
from flask import current_app

engine = current_app.extensions["migrate"].db.engine
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
