"""Run `keel` as `python -m keel_crm.cli`, where it is not installed."""

from keel_crm.cli import main

main()
