"""The Kafka door: requests come in by a topic and go on to the API, batch by batch."""
