"""Compile a layer's modules to bytecode with the functions' version of Python.

Lambda's folders are read-only, so Python cannot store bytecode there, and a cold start that compiles takes 2.7 times as
long to import. A host without the functions' Python uses Pyodide, which is CPython compiled to WebAssembly: bytecode
depends on Python's version, not on the machine. The files are of the unchecked-hash kind, because a zip file does not
keep modification times.

    bytecode.py FOLDER    compiles the content of a layer's python folder
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from target import target

PYODIDE = Path(__file__).parent.parent / ".keel/node/node_modules/pyodide"

COMPILE = """
import compileall, py_compile, sys
ok = compileall.compile_dir({folder!r}, quiet=1, force=True, stripdir={folder!r}, prependdir={shown!r},
                            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
assert ok and "python%d.%d" % sys.version_info[:2] == {runtime!r}, "compiled by " + sys.version
"""

IN_PYODIDE = """
import {{ loadPyodide }} from {module};
const python = await loadPyodide();
python.FS.mkdirTree("/host");
python.FS.mount(python.FS.filesystems.NODEFS, {{ root: {root} }}, "/host");
python.runPython({program});
"""


SHOWN = "/opt/python"  # where Lambda mounts a layer; tracebacks name it


def compile_tree(folder: Path, runtime: str) -> None:
    """Compile every module under `folder` for `runtime`, "python3.13" for example."""
    program = COMPILE.format(folder=str(folder), shown=SHOWN, runtime=runtime)
    if runtime == "python{}.{}".format(*sys.version_info[:2]):
        subprocess.run([sys.executable, "-c", program], check=True)
    elif runs(runtime):
        subprocess.run([runtime, "-c", program], check=True)
    elif PYODIDE.exists():
        program = COMPILE.format(folder="/host", shown=SHOWN, runtime=runtime)
        module, root, text = json.dumps(f"{PYODIDE}/pyodide.mjs"), json.dumps(str(folder)), json.dumps(program)
        script = IN_PYODIDE.format(module=module, root=root, program=text)
        subprocess.run(["node", "--input-type=module", "-"], input=script, text=True, check=True)
    else:
        print(f"Neither {runtime} nor Pyodide is installed: no bytecode, cold starts are slower", file=sys.stderr)


def runs(runtime: str) -> bool:
    """Whether the host has this Python. pyenv's command is on the PATH even for a version that is not active."""
    if not shutil.which(runtime):
        return False
    return subprocess.run([runtime, "--version"], capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    compile_tree(Path(sys.argv[1]), target().runtime)
