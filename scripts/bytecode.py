"""How does bytecode get into what is deployed? A cold start that has to compile takes 2.7 times as long to import.

Lambda's folders are read-only, so it has to be shipped, and made by the very Python that runs the functions. A host
that lacks it uses Pyodide, CPython compiled to WebAssembly: bytecode depends on Python's version alone, not on the
machine. The files are of the unchecked-hash kind: a time stamp would not survive the zip file.

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


SHOWN = "/opt/python"  # where Lambda puts a layer: tracebacks name it


def compile_tree(folder: Path, runtime: str) -> None:
    """Compiles every module under `folder` for `runtime`, "python3.14" for example."""
    program = COMPILE.format(folder=str(folder), shown=SHOWN, runtime=runtime)
    if runtime == "python{}.{}".format(*sys.version_info[:2]):
        subprocess.run([sys.executable, "-c", program], check=True)
    elif shutil.which(runtime):
        subprocess.run([runtime, "-c", program], check=True)
    elif PYODIDE.exists():
        program = COMPILE.format(folder="/host", shown=SHOWN, runtime=runtime)
        module, root, text = json.dumps(f"{PYODIDE}/pyodide.mjs"), json.dumps(str(folder)), json.dumps(program)
        script = IN_PYODIDE.format(module=module, root=root, program=text)
        subprocess.run(["node", "--input-type=module", "-"], input=script, text=True, check=True)
    else:
        print(f"No {runtime} here, nor Pyodide: deployed without bytecode, cold starts are slower", file=sys.stderr)


if __name__ == "__main__":
    compile_tree(Path(sys.argv[1]), target().runtime)
