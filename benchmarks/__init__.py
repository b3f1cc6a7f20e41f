"""Measure how fast the service is, beside other ways to do the same, in turns on the same machine."""
