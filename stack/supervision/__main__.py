"""supervisord, with its own lines on stderr: stdout is the access log and nothing else."""

import atexit
import sys

from supervisor.supervisord import main

from stack.supervision.output import Stream

# Before supervisord makes its logger, which keeps the stream that is here then. What it says is
# kept until the plug-in, which it loads a moment later, knows what becomes of it.
sys.stdout = own = Stream()
atexit.register(own.finish)
main()
