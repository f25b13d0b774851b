"""`run.json`: what was run on what, and whether it has to be run again.

A step is done when its digest (settings it reads, digests of the input tables, our source code, versions of our
dependencies, digests of the files of the steps before it) is the recorded one and every file it wrote is still there with
the recorded content. The file is replaced as a whole after each step, so a run that is killed goes on where it stood.

Shapes: ``{"name", "config", "config_digest", "seed", "inputs": {table: sha256}, "rows": {table: n}, "versions": {package:
version}, "python", "commit", "steps": {step: {"digest", "options", "finished_at", "seconds", "peak_memory_mb", "rows": {what: n},
"outputs": {path under output: sha256}, "notes"}}}``.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from configs.errors import NotReadyError

DISTRIBUTION: Final = "moments-of-truth"
FILE: Final = "run.json"


@dataclass(frozen=True, slots=True)
class Record:
    """One finished step. `seconds` is wall time, `peak_memory_mb` the process's high-water mark during it (2**20 bytes)."""

    digest: str
    options: dict[str, str]
    finished_at: str
    seconds: float
    peak_memory_mb: float
    rows: dict[str, int]
    outputs: dict[str, str]
    notes: list[str]


class Manifest:
    """The records of one output folder."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.path = output / FILE
        self.content: dict[str, Any] = _read(self.path)

    def describe(self, **facts: Any) -> None:
        """Put facts about the whole run beside the records; written with the next step."""
        self.content.update(facts)

    def record(self, step: str) -> Record | None:
        """The last record of a step, or None."""
        found = self.content.get("steps", {}).get(step)
        try:
            return Record(**found) if found else None
        except TypeError:
            # Written by another version: what that one did is not known to be done here.
            return None

    def outputs_of(self, step: str) -> dict[str, str]:
        """Digest of each file that a step wrote last; empty when it never ran."""
        record = self.record(step)
        return record.outputs if record else {}

    def is_done(self, step: str, digest: str, options: Mapping[str, Any]) -> bool:
        """Whether a step ran on exactly this with these options, and all it wrote is still as it was."""
        record = self.record(step)
        if record is None or record.digest != digest or record.options != {key: str(options[key]) for key in options}:
            return False
        files = {name: self.output / name for name in record.outputs}
        return all(path.is_file() and sha256(path) == record.outputs[name] for name, path in files.items())

    def write(self, step: str, record: Record) -> None:
        """Put a record in and replace the file."""
        self.content.setdefault("steps", {})[step] = asdict(record)
        write_json(self.path, self.content)

    def refresh(self, step: str, folder: Path) -> None:
        """Take a folder that was changed by hand for what a finished step wrote, so that the change alone does not undo it."""
        record = self.record(step)
        if record is None:
            return
        mine = f"{folder.relative_to(self.output).as_posix()}/"
        kept = {name: digest for name, digest in record.outputs.items() if not name.startswith(mine)}
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        found = {path.relative_to(self.output).as_posix(): sha256(path) for path in files}
        self.write(step, replace(record, outputs=dict(sorted({**kept, **found}.items()))))


def write_json(path: Path, content: Any) -> None:
    """Write JSON so that a reader sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, ensure_ascii=False, allow_nan=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def sha256(path: Path) -> str:
    """Sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(content: Any) -> str:
    """Sha256 of a JSON-able value."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def code_digest(packages: Iterable[str]) -> str:
    """Sha256 over the source files of our packages, so that a changed program runs its steps again."""
    total = hashlib.sha256()
    for package in packages:
        spec = importlib.util.find_spec(package)
        folder = Path(str(spec.origin)).parent if spec else Path()
        for path in sorted(
            item for item in folder.rglob("*") if item.suffix in {".py", ".yaml", ".json", ".html", ".css", ".j2"}
        ):
            total.update(f"{package}/{path.relative_to(folder).as_posix()}\0".encode())
            total.update(path.read_bytes())
    return total.hexdigest()


def versions() -> dict[str, str]:
    """Versions of the packages that we depend on directly, and of ourselves; those not installed are left out."""
    names = [DISTRIBUTION]
    for line in importlib.metadata.requires(DISTRIBUTION) or []:
        match = re.match(r"[A-Za-z0-9._-]+", line)
        names.append(match[0] if match else line)
    found = {}
    for name in sorted(set(names)):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def python_version() -> str:
    """Version of the interpreter."""
    return platform.python_version()


def commit() -> str | None:
    """The git commit of our source, with ``-dirty`` when files differ from it; None outside a checkout."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603 - fixed words
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise NotReadyError(
            f"the record of earlier runs cannot be read ({error})",
            where=str(path),
            next_move="delete the file; the steps are then run again",
        ) from None
    return content if isinstance(content, dict) else {}
