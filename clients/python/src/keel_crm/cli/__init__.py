"""The command line `keel`."""


def main() -> None:
    """Run it; without the packages that only it needs, say how to get them."""
    try:
        from keel_crm.cli import interruptions
        from keel_crm.cli.app import app
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        raise SystemExit('The command line needs: pip install "keel-crm[cli]"') from None
    interruptions.all_as_one()
    app()
