"""Inside uWSGI's workers; nothing here imports anything else of ours."""
