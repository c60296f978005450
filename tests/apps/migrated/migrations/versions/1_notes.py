"""The first table."""

import sqlalchemy
from alembic import op

revision = "1"
down_revision = None


def upgrade():
    """Make it."""
    op.create_table(
        "note",
        sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True),
        sqlalchemy.Column("text", sqlalchemy.String),
    )
