"""What supervisord knows of the stack, for Prometheus and the status view."""
