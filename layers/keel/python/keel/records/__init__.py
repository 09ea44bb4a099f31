"""Records: what all entity types of the CRM share. Each resource declares an `EntityType`."""
