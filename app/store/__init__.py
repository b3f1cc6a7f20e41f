"""PostgreSQL: tables, and plain functions that take a session."""
