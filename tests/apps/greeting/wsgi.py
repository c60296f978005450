"""What app/example answers, for tests that care for something else: it starts without Flask."""

import json


def application(environ, start_response):
    """Greet, or show a request."""
    seen = {
        "client": environ["REMOTE_ADDR"],
        "scheme": environ["wsgi.url_scheme"],
        "host": environ.get("HTTP_HOST"),
        "request_id": environ.get("HTTP_X_REQUEST_ID"),
    }
    answers = {
        "/": ("text/html; charset=utf-8", "Hello, World!"),
        "/request": ("application/json", json.dumps(seen, separators=(",", ":"))),
    }
    found = environ["PATH_INFO"] in answers
    kind, text = answers.get(environ["PATH_INFO"], ("text/html; charset=utf-8", "Not Found"))
    headers = [("Content-Type", kind), ("Content-Length", str(len(text)))]
    start_response("200 OK" if found else "404 NOT FOUND", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [text.encode()]
