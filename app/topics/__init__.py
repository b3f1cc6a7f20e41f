"""The topics of Kafka as a client sees them: properties, positions, headers, and what a DLQ holds."""
