"""An application whose jobs are done by a program of its own: Celery's or RQ's worker."""

import os

from flask import Flask
from jobs import REDIS, celery_job, rq_job
from redis import Redis
from rq import Queue, Retry

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
        retry = Retry(max=10) if "CAREFUL" in os.environ else None
        Queue(connection=Redis.from_url(REDIS)).enqueue(rq_job, number, retry=retry)
    return "", 202
