"""The embedded stack: real servers and the app's processes on one machine, without Docker."""
