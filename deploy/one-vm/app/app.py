"""Documents that are uploaded, and their words, which the worker counts (jobs.py)."""

import os
from uuid import UUID, uuid4

import click
from flask import Flask, abort, redirect, render_template, request, send_file, session
from flask_wtf import CSRFProtect
from jobs import FILES, REDIS_URL, count, engine
from redis import Redis
from rq import Queue
from sqlalchemy import text
from werkzeug.security import check_password_hash, generate_password_hash

app = Flask(__name__)
app.config.update(
    SECRET_KEY=os.environ["SECRET_KEY"], SESSION_COOKIE_SECURE=True, SESSION_COOKIE_SAMESITE="Lax"
)
CSRFProtect(app)
queue = Queue(connection=Redis.from_url(REDIS_URL))


@app.before_request
def need_a_login():
    if request.endpoint != "login" and "user" not in session:
        return redirect("/login")
    return None


@app.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "POST":
        name, find = request.form["name"], text("SELECT password FROM users WHERE name = :name")
        with engine.connect() as database:
            known = database.scalar(find, {"name": name})
        if known and check_password_hash(known, request.form["password"]):
            session.clear()
            session["user"] = name
            return redirect("/")
    return render_template("page.html"), 401 if request.method == "POST" else 200


@app.post("/logout")
def logout():
    session.clear()
    return redirect("/login")


@app.get("/")
def documents():
    with engine.connect() as database:
        found = database.execute(text("SELECT * FROM documents ORDER BY uploaded DESC")).all()
    return render_template("page.html", documents=found)


@app.post("/")
def upload():
    identity, file = str(uuid4()), request.files["file"]
    file.save(FILES / identity)
    row = text("INSERT INTO documents (id, name, owner) VALUES (:id, :name, :owner)")
    with engine.begin() as database:
        database.execute(row, {"id": identity, "name": file.filename, "owner": session["user"]})
    queue.enqueue(count, identity, job_id=identity)
    return redirect("/", 303)


@app.get("/documents/<uuid:identity>")
def download(identity: UUID):
    with engine.connect() as database:
        find = text("SELECT name FROM documents WHERE id = :id")
        name = database.scalar(find, {"id": identity}) or abort(404)
    return send_file(FILES / str(identity), as_attachment=True, download_name=name)


@app.cli.command()
@click.argument("name")
@click.password_option()
def add_user(name, password):
    add = text("INSERT INTO users (name, password) VALUES (:name, :password)")
    with engine.begin() as database:
        database.execute(add, {"name": name, "password": generate_password_hash(password)})


@app.cli.command()
def enqueue():
    # Before a start, when no worker runs: what was in work when the machine lost its power.
    with engine.connect() as database:
        found = database.scalars(text("SELECT id FROM documents WHERE words IS NULL"))
        for identity in {str(each) for each in found} - {*queue.job_ids}:
            queue.enqueue(count, identity, job_id=identity)
