"""The Kafka door: messages become API calls in batches."""
