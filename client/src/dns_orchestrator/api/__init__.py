"""The calls of the API, each defined once for both clients."""
