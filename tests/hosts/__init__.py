"""Checks a host of a holdall store from outside, with clients and readers that others wrote.

    python3 -m tests.hosts cli                          the server of the command line
    python3 -m tests.hosts nginx                        nginx with the module of examples/nginx
    python3 -m tests.hosts 'examples/c/server'          any other, by its command line
    python3 -m tests.hosts control                      that the suite fails where a host is wrong

A host is started as `COMMAND STORE`, listens on a free port of 127.0.0.1, prints
`listening on http://127.0.0.1:PORT` when it is ready, serves every URL of the store under `/`, answers
`PUT /upload/DRIVE/PATH` with 201 and the URL of what was put, and stops on SIGTERM.
"""
