"""What queue, stream and schedule handlers share."""
