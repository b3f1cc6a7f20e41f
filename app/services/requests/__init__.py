"""Requests: validated, submitted, stored together, looked up."""
