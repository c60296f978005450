"""Opens a connection while it is imported, as many applications do, and answers by way of it."""

from __future__ import annotations

import os
from collections.abc import Callable

from flask import Flask

app = Flask(__name__)
KIND, URL = os.environ["KIND"], os.environ["URL"]
# What docs/your-app.md says to write where the application is imported once for all workers.
PRELOADED = os.environ.get("PRELOAD") == "1"


def by_redis() -> Callable[[str], str]:
    """Use a client while importing, which keeps a connection."""
    import redis

    server = redis.Redis.from_url(URL, decode_responses=True)
    server.ping()
    if PRELOADED:
        server.close()
    return lambda word: str(server.echo(word))


def by_sqlalchemy() -> Callable[[str], str]:
    """Use an engine while importing, so that its pool keeps a connection."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(URL.replace("postgresql:", "postgresql+psycopg:"))

    def asked(word: str) -> str:
        with engine.connect() as connection:
            return str(connection.scalar(sqlalchemy.text("SELECT :word"), {"word": word}))

    asked("imported")
    if PRELOADED:
        engine.dispose()
    return asked


def by_pool() -> Callable[[str], str]:
    """Open a pool of psycopg's, which has threads of its own."""
    from psycopg_pool import ConnectionPool

    pool = ConnectionPool(URL, min_size=2, open=not PRELOADED)
    if not PRELOADED:
        pool.wait()

    def asked(word: str) -> str:
        pool.open()  # which does nothing if it is
        with pool.connection() as connection:
            (found,) = connection.execute("SELECT %s", [word]).fetchone() or ("",)
            return str(found)

    return asked


ask = {"redis": by_redis, "sqlalchemy": by_sqlalchemy, "psycopg": by_pool}[KIND]()


@app.get("/<word>")
def echo(word: str) -> str:
    """Say what the server says of a word."""
    return ask(word)


@app.get("/")
def well() -> str:
    """Say that it is well."""
    return ask("well")
