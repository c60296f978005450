"""Imported by uWSGI once, before it makes workers: what those share that import for themselves."""

import gc
import os

# stack/worker/preload.py's LAZY; else the master imports the application, and so its Flask.
if "UWSGI_LAZY_APPS" in os.environ:
    import flask  # noqa: F401 - 20 MB that no worker needs to have for itself

# The garbage collector writes to every object that it looks at, and so would copy each shared page.
gc.collect()
gc.freeze()
