"""The command line `keel`."""


def main() -> None:
    """Run the command line, or say how to install the packages that it requires."""
    try:
        from keel_crm.cli import interruptions
        from keel_crm.cli.app import app
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        raise SystemExit('The command line requires more packages: pip install "keel-crm[cli]"') from None
    interruptions.handle_signals()
    app()
