"""The operator's application, before anything of it is imported."""
