"""Change events: changes of records, published on an event bus."""
