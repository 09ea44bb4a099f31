"""How do the client and the command line meet the real handlers, without a network?"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import httpx
import pytest
from typer.testing import CliRunner

from keel_crm import Keel
from keel_crm.cli.app import app
from keel_crm.cli.shell import Shell
from tests.conftest import Call
from tests.harness.gateway import Session

URL = "https://keel.example/v1"
