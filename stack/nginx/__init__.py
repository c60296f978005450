"""nginx: its generated configuration, and what it is told; runs before supervisord."""
