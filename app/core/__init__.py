"""Settings, database engine, Celery app and logging, shared by every process."""
