"""The same job for two queues: noted when it begins and when it is done, which a test allows."""

import os

from celery import Celery
from redis import Redis

REDIS = os.environ["REDIS_URL"]

celery = Celery("jobs", broker=REDIS)
celery.conf.broker_connection_retry_on_startup = True


def work(number):
    notes = Redis.from_url(REDIS, socket_timeout=None)
    notes.rpush("begun", number)
    if notes.blpop("permits", timeout=60):
        notes.rpush("done", number)


rq_job = work
celery_job = celery.task(work, name="work")
