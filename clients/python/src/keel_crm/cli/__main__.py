"""How does `keel` run where it is not installed? As `python -m keel_crm.cli`."""

from keel_crm.cli import main

main()
