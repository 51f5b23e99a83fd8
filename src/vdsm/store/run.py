"""The folder of a training run: settings, metrics, pictures, checkpoints, and the weights.

run.json           settings, dataset, version
metrics.jsonl      a line every few steps
pictures/          reconstructions and swaps as training goes on
checkpoint.json    names the newest whole checkpoint file and its checksum
checkpoint-*.pt    the training state
config.json, model.safetensors    the model, as `VDSM.from_pretrained` reads it
"""

import errno
import hashlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vdsm.config import RunConfig, build
from vdsm.data import open_clips
from vdsm.data.clips import Clips, is_dataset
from vdsm.errors import InputError
from vdsm.files import atomic_write, claim_folder, left_by_a_kill, read_json, refuse_pointer
from vdsm.methods.table import method_of
from vdsm.store import upgrade, weights
from vdsm.store.shipped import shipped
from vdsm.train.method import Method
from vdsm.version import __version__

POINTER = "checkpoint.json"
CHECKSUM = "sha256"  # of run.json, in it
# What training writes; `vdsm evaluate` may be writing its own file meanwhile.
WRITTEN = (
    *("run.json", "metrics.jsonl", "checkpoint*", "config.json", "model.safetensors"),
    *("who.json", "verdict.json"),
)
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)  # of some networks
# What every line of metrics says at least.
SAID: Mapping[str, Any] = {"name": str, "stage": int, "step": int, "steps": int, "seconds": float}


@dataclass(frozen=True)
class Run:
    """An open run folder."""

    path: Path
    config: RunConfig  # of its method
    data: Path
    fingerprint: str  # of the dataset trained on
    method: str = "vdsm"

    @property
    def recipe(self) -> Method:
        """The record of its method."""
        return method_of(self.method)

    @property
    def frames(self) -> int:
        """Frames of a clip that training sees."""
        return self.recipe.frames(self.config)

    @property
    def pointer(self) -> Path:
        """The file that names the newest checkpoint."""
        return self.path / POINTER

    @classmethod
    def create(
        cls,
        path: Path,
        config: RunConfig,
        data: Path,
        preset: str,
        size: str = "compact",
        method: str = "vdsm",
    ) -> "Run":
        """Claim a new folder and record the settings, and what they started from."""
        clips = open_clips(data)
        check_fits(config, clips, data, method_of(method))
        claim_folder(path)
        record = {
            "method": method,
            "preset": preset,
            "size": size,
            "config": asdict(config),
            "data": str(data.resolve()),
            "fingerprint": clips.fingerprint,
            "version": __version__,
        }
        write_record(path, record)
        return cls(path, config, data, clips.fingerprint, method)

    @classmethod
    def open(cls, path: Path) -> "Run":
        """Open an existing run."""
        if not is_run(path):
            why = "it has no run.json"
            if str(path) in shipped() and not path.exists():
                why = "it is a shipped model, which is weights alone"
            raise InputError(f"{path} is not a run: {why} (see 'vdsm train --help')")
        record = read_json(path / "run.json")
        said = record.pop(CHECKSUM, None)
        for name, kind in (("config", dict), ("data", str), ("fingerprint", str)):
            if not isinstance(record.get(name), kind):
                raise InputError(f"{path / 'run.json'} has no entry '{name}': it was altered")
        if said not in (None, checksum(record)):
            raise InputError(
                f"{path / 'run.json'} was altered (its checksum differs): copy it back, or delete "
                f"its entry '{CHECKSUM}' if you altered it yourself"
            )
        method = str(record.get("method", "vdsm"))
        try:
            settings = method_of(method).config
        except InputError as error:
            raise InputError(f"{path} was trained by another version: {error}") from error
        config = build(settings, upgrade.settings(record["config"]), str(path / "run.json"))
        return cls(path, config, Path(record["data"]), record["fingerprint"], method)

    def keep_config(self) -> None:
        """Have run.json say the settings, of which a resumed run may have changed some."""
        record = read_json(self.path / "run.json") | {"config": asdict(self.config)}
        record.pop(CHECKSUM, None)
        write_record(self.path, record)

    def clips(self, data: Path | None = None) -> Clips:
        """The dataset of the run, or another place where it now lies."""
        clips = self.open_data(data)
        require_same(clips, self.fingerprint, self.path)
        return clips

    def open_data(self, data: Path | None = None) -> Clips:
        """The dataset at `data`, or where it lay when the run began."""
        if data is None and not is_dataset(self.data):
            raise InputError(
                f"{self.path} was trained on {self.data}, where no dataset is: name the place "
                "where it lies now, as DATA"
            )
        return open_clips(data or self.data)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One training at a time: a second one would delete the first one's checkpoints.

        InputError where another process holds the run. The lock goes with its process. A file
        system without locks does without.
        """
        try:
            import fcntl
        except ImportError:  # Windows
            yield
            return
        folder = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(folder)
            raise InputError(
                f"{self.path} is being trained by another process: wait for it, or stop it"
            ) from error
        except OSError as error:
            if error.errno not in NO_LOCKS:
                os.close(folder)
                raise
        try:
            yield
        finally:
            os.close(folder)

    def clear_up(self) -> None:
        """Remove what a training that was killed left: half of a file, or one checkpoint more."""
        for part in (
            *left_by_a_kill(self.path, *WRITTEN),
            *left_by_a_kill(self.path / "pictures", "*"),
        ):
            part.unlink()
        if len(list(self.path.glob("checkpoint-*.pt"))) > 1:
            with suppress(InputError):  # whoever restores says what is wrong with the newest
                self._checkpoint()
                self._keep_alone(self.path / str(read_json(self.path / POINTER)["file"]))

    def _keep_alone(self, checkpoint: Path) -> None:
        for other in self.path.glob("checkpoint-*.pt"):
            if other != checkpoint:
                other.unlink()

    def save(self, state: Mapping[str, Any], name: str) -> None:
        """Write a checkpoint; the one before, of another name, stays until this one is whole."""
        buffer = io.BytesIO()
        torch.save(dict(state), buffer)
        content = buffer.getvalue()
        file = self.path / f"checkpoint-{name}.pt"
        atomic_write(file, content)
        digest = hashlib.sha256(content).hexdigest()
        pointer: dict[str, Any] = {"file": file.name, "sha256": digest}
        lines = self._lines()  # of the steps up to here
        pointer["metrics"] = {"bytes": len(lines), "sha256": hashlib.sha256(lines).hexdigest()}
        atomic_write(self.path / POINTER, json.dumps(pointer).encode())
        self._keep_alone(file)

    def save_weights(self, model: nn.Module) -> None:
        """The model, read out or not, as `open_model` reads it."""
        weights.save(model, self.path)

    def restore(self) -> dict[str, Any] | None:
        """The newest checkpoint, or None if the run has none (yet)."""
        if not (self.path / POINTER).exists():
            return None
        content = self._checkpoint()
        state: dict[str, Any] = torch.load(
            io.BytesIO(content), map_location="cpu", weights_only=True
        )
        return state

    def _checkpoint(self) -> bytes:
        """The newest checkpoint's file; InputError that says what can be done where it is damaged.

        Without the file that names it the run has no checkpoint, so training begins anew.
        """
        remedy = f"copy it back, or delete {self.path / POINTER} to train from the first step anew"
        try:
            pointer = read_json(self.path / POINTER)
        except InputError as error:
            raise InputError(f"{error}; {remedy}") from error
        file = self.path / str(pointer.get("file"))
        if not file.is_file():
            raise InputError(f"{self.path / POINTER} names {file.name}, which is missing; {remedy}")
        refuse_pointer(file)
        content = file.read_bytes()
        if hashlib.sha256(content).hexdigest() != pointer.get("sha256"):
            raise InputError(f"{file} is truncated or altered (its checksum differs); {remedy}")
        return content

    def log(self, record: Mapping[str, Any]) -> None:
        """Append a line to metrics.jsonl."""
        with open(self.path / "metrics.jsonl", "a") as file:
            file.write(json.dumps(record) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """All lines of metrics.jsonl."""
        file = self.path / "metrics.jsonl"
        if not file.exists():
            return []
        try:
            *lines, _ = file.read_text().split("\n")  # a line without its end: cut off by a kill
            return [_record(line) for line in lines]
        except ValueError as error:
            raise InputError(f"{file} is damaged ({error}): remove it or restore it") from error

    def forget_after(self, stage: int, step: int) -> None:
        """Drop metrics of steps that a resumed or retried run is going to do again.

        InputError where the others are not as they were when the newest checkpoint was written.
        """
        known = self.metrics()
        self._check_lines()
        kept = [m for m in known if (m["stage"], m["step"]) <= (stage, step)]
        lines = "".join(json.dumps(m) + "\n" for m in kept)
        atomic_write(self.path / "metrics.jsonl", lines.encode())

    def _lines(self) -> bytes:
        """What metrics.jsonl holds."""
        file = self.path / "metrics.jsonl"
        return file.read_bytes() if file.exists() else b""

    def _check_lines(self) -> None:
        """InputError for lines of metrics that changed since; a file that was removed is begun."""
        pointer = read_json(self.path / POINTER) if (self.path / POINTER).exists() else {}
        if not isinstance(known := pointer.get("metrics"), dict):
            return  # an earlier version's, or none yet
        if not (file := self.path / "metrics.jsonl").exists():
            del pointer["metrics"]
            atomic_write(self.path / POINTER, json.dumps(pointer).encode())
            return
        lines = self._lines()[: int(known.get("bytes", 0))]
        if hashlib.sha256(lines).hexdigest() != known.get("sha256"):
            raise InputError(
                f"{file} is damaged (its first lines are not what training wrote): remove it or "
                "restore it"
            )


def checksum(record: Mapping[str, Any]) -> str:
    """SHA-256 of what run.json says."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write run.json with its checksum, beside the folder of pictures, which is made first."""
    (path / "pictures").mkdir(exist_ok=True)
    content = dict(record) | {CHECKSUM: checksum(record)}
    atomic_write(path / "run.json", json.dumps(content, indent=2).encode())


def _record(line: str) -> dict[str, Any]:
    """A line of metrics; ValueError where it is none."""
    record = json.loads(line)
    if not isinstance(record, dict):
        raise ValueError(f"a line is {line[:20]!r}")
    for name, kind in SAID.items():
        if not isinstance(record.get(name), kind):
            raise ValueError(f"a line has no '{name}'")
    return record


def is_run(path: Path) -> bool:
    """Whether a folder is a run, which knows its data; an exported model does not."""
    return (path / "run.json").exists()


def check_fits(config: RunConfig, clips: Clips, source: Path, method: Method) -> None:
    """Frames of a dataset must be those that the model is made for, and enough for a batch."""
    for name in ("size", "channels"):
        wanted, found = getattr(config.model, name), getattr(clips.info, name)
        if wanted != found:
            raise InputError(
                f"{source} has {name} {found} but the model expects {wanted}: "
                f"pass --model.{name} {found} or make the data again"
            )
    for stage in method.stages(config):
        stage.sampler(clips)  # refuses clips that are too short, or none


def require_same(clips: Clips, fingerprint: str, path: Path, advice: str = "") -> None:
    """InputError where clips are not those that the model at `path` was trained on."""
    if not clips.known_as(fingerprint):
        raise InputError(f"{clips.path} is not the dataset that {path} was trained on{advice}")
