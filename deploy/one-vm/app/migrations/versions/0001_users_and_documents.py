"""Users and documents."""

from alembic import op

revision, down_revision = "0001", None


def upgrade():
    op.execute("CREATE TABLE users (name text PRIMARY KEY, password text NOT NULL)")
    op.execute(
        "CREATE TABLE documents (id uuid PRIMARY KEY, name text NOT NULL, words integer,"
        " owner text NOT NULL REFERENCES users, uploaded timestamptz NOT NULL DEFAULT now())"
    )
