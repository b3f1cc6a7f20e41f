"""What waits for an approval: shown as the servers have it now, approved, rejected."""
