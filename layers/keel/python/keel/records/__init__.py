"""What the records of a CRM do alike, written once; each resource declares a `Kind`."""
