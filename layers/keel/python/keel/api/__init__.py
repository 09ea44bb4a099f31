"""What every operation of the API shares: the resolver, authorization, idempotency, pagination, field types."""
