"""Change events: what happened to the records of the CRM, on a bus for whoever wants to know."""
