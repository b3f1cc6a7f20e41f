"""Webhooks: who is told of which events, and the deliveries to them."""
