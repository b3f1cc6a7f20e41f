"""The zones that are served."""
