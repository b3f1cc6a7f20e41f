"""The same service written the usual way, to measure ours against.

Each request has an INSERT and a commit of its own, and a Celery task of its own, which only sets its status.
It does no DNS.
"""
