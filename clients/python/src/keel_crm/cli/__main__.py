"""`python -m keel_crm.cli` is `keel`."""

from keel_crm.cli import main

main()
