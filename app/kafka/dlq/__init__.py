"""The dead-letter queue (DLQ): a topic for messages that can't be accepted, each with the reason."""
