"""An application whose jobs are done by a program of its own: Celery's or RQ's worker."""

import os

from flask import Flask
from jobs import REDIS, celery_job, rq_job
from redis import Redis
from rq import Queue

app = Flask(__name__)


@app.get("/")
def hello():
    return "hello"


@app.post("/jobs/<int:number>")
def add(number):
    """Put a job into the queue; who gets this answer may rely on its being done."""
    if os.environ["QUEUE"] == "celery":
        celery_job.delay(number)
    else:
        Queue(connection=Redis.from_url(REDIS)).enqueue(rq_job, number)
    return "", 202
