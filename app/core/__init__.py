"""What every process shares: settings, logging, back-off, the clients of PostgreSQL, Redis and Celery."""
