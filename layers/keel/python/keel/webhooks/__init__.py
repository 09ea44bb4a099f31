"""Webhooks: endpoints of an account, and the delivery of its events to them."""
