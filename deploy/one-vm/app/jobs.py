"""The database, the files, and the job, which may be done twice without harm."""

import os
from pathlib import Path

from sqlalchemy import create_engine, text

FILES = Path("/srv/data")
REDIS_URL = os.environ["REDIS_URL"]
# Host, user, database and password are libpq's own variables: PGHOST and so on.
engine = create_engine("postgresql+psycopg://", pool_pre_ping=True)


def count(identity):
    """Count the words of a document."""
    words = len((FILES / identity).read_bytes().split())
    update = text("UPDATE documents SET words = :words WHERE id = :id")
    with engine.begin() as database:
        database.execute(update, {"words": words, "id": identity})
