"""The operator's commands that run beside the parts: `python -m app.cli`."""
