"""Notes in SQLite, whose tables prestart makes; the connection is opened at the import."""

import os
import sqlite3
import tempfile

from flask import Flask, request

app = Flask(__name__)
path = os.environ.get("NOTES", f"{tempfile.gettempdir()}/notes.db")
database = sqlite3.connect(path, check_same_thread=False, timeout=10)

MIGRATIONS = ["CREATE TABLE note (text TEXT)", "ALTER TABLE note ADD COLUMN author TEXT"]


def version():
    """Say how many migrations have been made."""
    return database.execute("PRAGMA user_version").fetchone()[0]


def migrate():
    """Make those that are due."""
    for number, statement in enumerate(MIGRATIONS[version() :], version() + 1):
        database.execute(statement)
        database.execute(f"PRAGMA user_version = {number}")
    database.commit()


@app.get("/")
def notes():
    """Show all notes."""
    return [text for (text,) in database.execute("SELECT text FROM note")]


@app.post("/")
def add():
    """Keep one more."""
    with database:
        database.execute("INSERT INTO note (text) VALUES (?)", [request.form["text"]])
    return "kept", 201
