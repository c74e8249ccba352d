"""Hold the JUnit sample against the schema of Jenkins' xUnit plugin, the one that viewers agree on.

pytest checks its own files against that schema and keeps it in its source distribution, which comes from the
package index as the rest of what a check needs.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path

import xmlschema

_DEADLINE_S = 300.0
_SAMPLE = Path(__file__).resolve().parent.parent / "reports" / "samples" / "junit.xml"
_SCHEMA = "/testing/example_scripts/junit-10.xsd"


def schema() -> xmlschema.XMLSchema:
    """The schema, of the pytest that is installed."""
    wanted = f"pytest=={version('pytest')}"
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        argv = [*pip, "--no-binary", "pytest", "--dest", folder, wanted]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_DEADLINE_S, check=False)
        if done.returncode != 0:
            sys.exit(f"can't get the source distribution of {wanted}:\n{done.stderr[-3000:]}")
        with tarfile.open(next(Path(folder).glob("pytest-*.tar.gz"))) as archive:
            member = next((name for name in archive.getnames() if name.endswith(_SCHEMA)), None)
            source = archive.extractfile(member) if member is not None else None
            if source is None:
                sys.exit(f"the source distribution of {wanted} no longer has {_SCHEMA}")
            return xmlschema.XMLSchema(source.read().decode())


def main() -> None:
    """Look, and say what came of it."""
    wrong = [f"{error.path}: {error.reason}" for error in schema().iter_errors(str(_SAMPLE))]
    if wrong:
        sys.exit("\n".join([f"{_SAMPLE.name} is not what the schema of JUnit files wants:", *wrong]))
    sys.stdout.write(f"{_SAMPLE.name} is what the schema of JUnit files wants\n")


if __name__ == "__main__":
    main()
