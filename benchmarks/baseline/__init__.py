"""The same intake and execution as they are usually written: what the design is measured against.

One synchronous INSERT and commit for each request, one Celery task for each request, which sets its status.
It does no DNS at all.
"""
