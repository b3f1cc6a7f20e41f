"""The shapes of what the API answers."""
