"""supervisord, with its own lines on stderr: stdout is the access log and nothing else."""

import atexit
import gc
import sys

from supervisor.supervisord import main

from stack.supervision.output import Stream

# What was imported stays: the collector need not look through it, least of all at the end, where
# that is 10 ms of a stop.
gc.freeze()
# Before supervisord makes its logger, which keeps the stream that is here then. What it says is
# kept until the plug-in, which it loads a moment later, knows what becomes of it.
sys.stdout = own = Stream()
atexit.register(own.finish)
main()
