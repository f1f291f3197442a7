"""The web servers that apps are run by."""

SERVERS = {
    "uvicorn": ["uvicorn", "apps:asgi", "--port", "PORT"],
    "hypercorn": ["hypercorn", "apps:asgi", "--bind", "127.0.0.1:PORT"],
    "granian": ["granian", "apps:asgi", "--interface", "asgi", "--port", "PORT"],
    "gunicorn": ["gunicorn", "apps:wsgi", "--bind", "127.0.0.1:PORT"],
    "waitress": ["waitress", "--listen", "127.0.0.1:PORT", "apps:wsgi"],
}
