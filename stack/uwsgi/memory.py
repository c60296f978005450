"""What a uWSGI and a reload take of memory, in bytes: Python 3.13 on musl and 3.14 on glibc."""

from __future__ import annotations

# A master that has imported nothing.
WITHOUT_APPLICATION = 9 << 20

# What a worker that has loaded has written to, and so does not share any more; and what requests
# add to that.
WRITTEN_TO = 4 << 20
REQUESTS = 12 << 20

# While a reload goes on: the command itself, and nginx's new workers beside the old ones.
COMMAND = 20 << 20
NGINX = 8 << 20

# A reload of an application that takes nothing, but for its workers.
RELOAD = COMMAND + WITHOUT_APPLICATION + NGINX
