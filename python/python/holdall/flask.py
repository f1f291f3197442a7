"""A response for Flask.

@app.get("/files/<path:path>")
def download(path):
    return store_response(store, flask.request)
"""

from flask import Request, Response

from ._holdall import Store
from .wsgi import body_of, reply_to, uncompressed

__all__ = ["store_response"]


def store_response(store: Store, request: Request, *, url: str | None = None) -> Response:
    """Answers a request from a store: GET and HEAD of its URLs.

    url: a URL of the store to answer with, where it is not the request's own: a view that has
        checked the request itself signs one on the spot, and the client sees no redirect.
    """
    reply = reply_to(store, request.environ, target=url)
    uncompressed(request.environ)
    body = body_of(reply, request.environ.get("wsgi.file_wrapper"))
    return Response(body, reply.status, reply.headers, direct_passthrough=True)
