"""supervisord, with its own lines on stderr: stdout is the access log and nothing else."""

import sys

from supervisor.supervisord import main

# Before supervisord makes its logger, which keeps the stream that is here then.
sys.stdout = sys.stderr
main()
