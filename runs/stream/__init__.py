"""Who is told: hints from Redis, and batches of events for whoever watches. Knows no HTML."""
