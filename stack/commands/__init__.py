"""What the entrypoint can be asked to do."""
