"""Who is told of each change of a request's status, and how: by a topic of Kafka, by webhooks."""
