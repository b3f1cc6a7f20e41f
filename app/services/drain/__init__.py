"""Draining a zone: claim its pending requests, apply them, verify the answers, settle."""
