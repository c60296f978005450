"""Inside supervisord, which is PID 1: nothing here may block."""
