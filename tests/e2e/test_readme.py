"""Does the README tell the truth? Its first call, run as it stands."""

import json
import re
import subprocess

import pytest

from template import ROOT

pytestmark = pytest.mark.e2e


def test_the_first_call_of_the_readme_works_when_pasted(stack, call):
    assert call("no-such-operation").status == 404  # the stack is there
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    [block] = [block for block in blocks if "auth-register" in block]
    pasted = block.replace("$(cat .keel/url)", stack.url())
    done = subprocess.run(["bash", "-euc", pasted], capture_output=True, text=True, check=True, timeout=120)
    created, end = json.JSONDecoder().raw_decode(done.stdout)
    listed = json.loads(done.stdout[end:])
    assert created["result"]["first_name"] == "Grace"
    assert [contact["id"] for contact in listed["result"]["items"]] == [created["result"]["id"]]
