"""An application whose tables are made by migrations, as Flask-Migrate's manual has it."""

import os

from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{os.environ['TMPDIR']}/notes.db"
database = SQLAlchemy(app)
Migrate(app, database)


class Note(database.Model):
    """A line of text."""

    id = database.Column(database.Integer, primary_key=True)
    text = database.Column(database.String)


@app.get("/")
def count():
    """Count the notes; without the table this is a 500."""
    return str(database.session.query(Note).count())


@app.cli.command("add")
def add():
    """Add a note."""
    database.session.add(Note(text="from a command"))
    database.session.commit()
