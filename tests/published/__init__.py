"""Calls a running `holdall serve --api` with what others wrote.

    tests/published/run.sh path/to/holdall                in a virtual environment of its own
    python3 -m tests.published path/to/holdall            where what it needs is installed
    python3 -m tests.published path/to/holdall cloudreve  one of the formats alone

The SDKs of Cloudreve and of Alibaba PDS make their calls unchanged; oss2 and crcmod compute the CRC-64
that the server tells; schemathesis makes requests out of the documents *.openapi.json here: those that
Cloudreve publishes, as published.overlay.json corrects them, and two that describe the calls in our own
words. What is missing is a failure.
"""
