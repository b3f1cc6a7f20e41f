"""The Kafka door: consumes requests from a topic and submits them to the API in batches."""
