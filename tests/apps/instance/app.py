"""Notes in an SQLite database in Flask's folder for what an instance of the application writes."""

import sqlite3
from pathlib import Path

from flask import Flask, request

app = Flask(__name__)


def database():
    """Open the database, made if need be."""
    Path(app.instance_path).mkdir(exist_ok=True)
    connection = sqlite3.connect(Path(app.instance_path, "notes.db"))
    connection.execute("CREATE TABLE IF NOT EXISTS notes (text)")
    return connection


@app.post("/")
def add():
    """Add a note."""
    with database() as connection:
        connection.execute("INSERT INTO notes VALUES (?)", (request.form["text"],))
    return "added\n", 201


@app.get("/")
def notes():
    """List all."""
    return [text for (text,) in database().execute("SELECT text FROM notes")]


@app.get("/health")
def health():
    """Say that this is here."""
    return "healthy"
