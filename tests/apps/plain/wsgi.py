"""WSGI and nothing else."""


def application(environ, start_response):
    """Say how this was called."""
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{environ['SCRIPT_NAME']}|{environ['PATH_INFO']}".encode()]
