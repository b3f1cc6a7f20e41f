"""The dead-letter queue: a topic that keeps the messages that can't be accepted; they can be sent back."""
