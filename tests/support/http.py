"""Calls to the servers of tests, each over a connection of its own."""

import ssl
from functools import partial

import httpx2

# Without it each call takes 25 ms of processor time, in which httpx2 reads whom TLS is to trust.
TLS = ssl.create_default_context()

get = partial(httpx2.get, verify=TLS)
post = partial(httpx2.post, verify=TLS)
request = partial(httpx2.request, verify=TLS)
