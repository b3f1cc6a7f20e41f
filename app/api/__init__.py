"""The HTTP door: FastAPI endpoints, thin over the services."""
