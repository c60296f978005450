"""Programs that measure and search; `make help` lists them."""
