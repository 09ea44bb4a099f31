"""Benchmarks with the real handlers and DynamoDB Local, interleaved with their baselines."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / folder) for folder in ("layers/keel/python", "scripts", ".")]

# The tools of development bring it along, the functions have it not: botocore would load it, and sign by it.
sys.modules["awscrt"] = None  # type: ignore[assignment]

os.environ["POWERTOOLS_LOG_LEVEL"] = "WARNING"  # read as soon as anything loads the layer
