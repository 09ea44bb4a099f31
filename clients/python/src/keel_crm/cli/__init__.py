"""The command line `keel`."""

import signal


def main() -> None:
    """Run it; without the packages that only it needs, say how to get them."""
    try:
        from keel_crm.cli.app import app
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        raise SystemExit('The command line needs: pip install "keel-crm[cli]"') from None
    # Asked to end, a command cleans up as it does after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app()
