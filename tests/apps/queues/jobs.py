"""The same job for two queues: noted when it begins and when it is done, which a test allows.

With JOB_SECONDS it needs no permit, but that time; with CAREFUL it is to outlive its worker.
"""

import os
import time

from celery import Celery
from redis import Redis

REDIS = os.environ["REDIS_URL"]

celery = Celery("jobs", broker=REDIS)
celery.conf.broker_connection_retry_on_startup = True
# A job that a worker took, and never acknowledged, is given to another after so many seconds; such
# jobs are looked for each ten seconds, and not each hundred.
celery.conf.broker_transport_options = {"visibility_timeout": 15, "unacked_restore_throttle": 1}
if "CAREFUL" in os.environ:
    celery.conf.task_acks_late = celery.conf.task_reject_on_worker_lost = True


def work(number):
    notes = Redis.from_url(REDIS, socket_timeout=None)
    notes.rpush("begun", number)
    if "JOB_SECONDS" in os.environ:
        time.sleep(float(os.environ["JOB_SECONDS"]))
        notes.rpush("done", number)
    elif notes.blpop("permits", timeout=60):
        notes.rpush("done", number)


rq_job = work
celery_job = celery.task(work, name="work")
