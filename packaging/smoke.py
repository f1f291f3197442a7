"""Puts a file and serves a part of it: what a wheel must do where nothing else is installed."""

import sys

import holdall

with holdall.open(sys.argv[1]) as store:
    version = store.drive("alice").put("notes/today.txt", b"hello, world")
    url = store.url(version, expires=3600)
    reply = store.serve("GET", url, {"Range": "bytes=7-"})
    assert (reply.status, bytes(reply.body)) == (206, b"world"), reply
