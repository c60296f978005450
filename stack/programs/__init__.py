"""The operator's own programs, conf/supervisor.d/*.conf: read, rendered, and restarted."""
