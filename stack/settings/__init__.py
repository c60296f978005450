"""What the operator decides: read, parsed, compared; runs before supervisord."""
