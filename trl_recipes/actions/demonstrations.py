"""Demonstrations of a robot in LIBERO's HDF5 layout → one row for every step, its picture read when it is needed.

A file holds one task: `data/demo_<k>/{actions (T, D), obs/agentview_rgb (T, H, W, 3), rewards (T,), dones (T,)}`, and
the instruction in the attributes of `data` (`problem_info`, JSON, `language_instruction`). The files come from others:
nothing in them is evaluated, and links to other files are refused.

Legend: T steps, D dimensions of an action, H and W pixels.
"""

import json
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
from datasets import Dataset
from PIL import Image

from dataset_builders.errors import InputError
from dataset_builders.general import RowError

ACTIONS, CAMERA = "actions", "obs/agentview_rgb"
SUFFIXES = (".hdf5", ".h5")
NO_MOTION = 1e-4
"""Norm of all dimensions but the gripper's below which a step moves nothing; that of OpenVLA's preparation."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Demonstration:
    """One episode, without its pictures.

    Attributes:
        path: Of its file.
        name: Of its group, such as `demo_0`.
        instruction: What was to be done.
        actions: (T, D), the gripper's command last.
        success: Whether the task was solved.
    """

    path: Path
    name: str
    instruction: str
    actions: np.ndarray
    success: bool


@dataclass
class Counts:
    """What became of the demonstrations and of their steps."""

    kept: int = 0
    failed: int = 0
    refused: list[InputError] = field(default_factory=list)
    steps: int = 0
    noops: int = 0

    def __str__(self) -> str:
        """Write them as a line."""
        return (
            f"demonstrations: {self.kept} kept, {self.failed} without success left out, {len(self.refused)} refused; "
            f"{self.steps} steps, {self.noops} no-ops left out\n"
        )


def load_demonstrations(folder: str | Path) -> tuple[Dataset, Counts]:
    """List the steps of all successful demonstrations of a folder that move the arm or the gripper.

    Of demonstrations with actions of differing sizes, those of the most frequent size stay. What cannot be used is
    refused in one line of the log each.

    Returns:
        Rows of `path`, `demonstration`, `step`, `instruction` and `action` (D,), and the counts.

    Raises:
        InputError: if nothing is left.
    """
    counts = Counts()
    demonstrations = list(_same_size(list(_readable(Path(folder), counts)), counts))
    rows = [row for demonstration in demonstrations for row in _rows(demonstration, counts)]
    for error in counts.refused:
        logger.warning("refused: %s", error)
    if not rows:
        fix = "give a folder of LIBERO's .hdf5 files"
        raise InputError(folder, "dataset", f"has no steps to learn from ({str(counts).strip()})", fix)
    return Dataset.from_list(rows), counts


def moving_steps(actions: np.ndarray) -> list[int]:
    """Return the steps that are no no-ops, as OpenVLA prepares LIBERO.

    A no-op moves nothing and leaves the gripper's command as the last kept step had it.

    Args:
        actions: (T, D), the gripper's command last.

    >>> moving_steps(np.array([[0.0, -1], [0.3, -1], [0.0, -1], [0.0, 1], [0.0, 1]]))
    [1, 3]
    """
    kept: list[int] = []
    for step, action in enumerate(actions):
        held = not kept or action[-1] == actions[kept[-1]][-1]
        if not held or np.linalg.norm(action[:-1]) >= NO_MOTION:
            kept.append(step)
    return kept


def read_picture(path: str | Path, name: str, step: int) -> Image.Image:
    """Read what the third-person camera saw at a step, upright: robosuite stores OpenGL's rows from below.

    Raises:
        RowError: if it cannot be read.
    """
    try:
        with h5py.File(path, "r") as file:
            picture = _array(file, f"data/{name}/{CAMERA}")[step]
            convention = _text(file["data"].attrs.get("macros_image_convention", ""))
    except (OSError, ValueError, LookupError, RuntimeError) as error:
        raise RowError(path, f"{name}, step {step}", _reason(error), "repair or remove it") from error
    return Image.fromarray(picture[::-1] if convention == "opengl" else picture)


def _readable(folder: Path, counts: Counts) -> Iterator[Demonstration]:
    """Read all demonstrations, in the order of their names and numbers."""
    for path in sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES and path.is_file()):
        try:
            with h5py.File(path, "r") as file:
                instruction = _instruction(file)
                for name in sorted(file["data"], key=lambda name: (len(name), name)):
                    try:
                        yield _demonstration(file, path, name, instruction)
                    except (OSError, ValueError, LookupError, RuntimeError) as error:
                        counts.refused.append(InputError(path, name, _reason(error), "repair or remove it"))
        except (OSError, ValueError, LookupError, TypeError, RuntimeError) as error:
            counts.refused.append(InputError(path, "data", _reason(error), "give a file of LIBERO's layout"))


def _demonstration(file: h5py.File, path: Path, name: str, instruction: str) -> Demonstration:
    place = f"data/{name}"
    actions, pictures = _array(file, f"{place}/{ACTIONS}"), _array(file, f"{place}/{CAMERA}")
    if actions.ndim != 2 or actions.shape[1] < 2 or actions.dtype.kind not in "fiu":
        raise ValueError(f"actions are of shape {actions.shape} and type {actions.dtype}, not numbers (T, D)")
    if pictures.ndim != 4 or pictures.shape[-1] != 3 or pictures.dtype != np.uint8:
        raise ValueError(f"{CAMERA} is of shape {pictures.shape} and type {pictures.dtype}, not bytes (T, H, W, 3)")
    if len(actions) != len(pictures):
        raise ValueError(f"has {len(actions)} actions and {len(pictures)} pictures")
    values = actions[:].astype(float)
    if not np.isfinite(values).all():
        raise ValueError(f"action {int(np.argwhere(~np.isfinite(values))[0][0])} is not finite")
    return Demonstration(path, name, instruction, values, _success(file, place))


def _success(file: h5py.File, place: str) -> bool:
    """Tell whether a reward was given; where none are stored, whether the episode was done."""
    for name in ("rewards", "dones"):
        if name in file[place]:
            return bool((_array(file, f"{place}/{name}")[:] > 0).any())
    raise ValueError("has neither rewards nor dones, so that success is not known")


def _instruction(file: h5py.File) -> str:
    """Read the instruction of a file; LIBERO itself writes some of them in quotation marks."""
    if "data" not in file or not isinstance(file.get("data", getlink=True), h5py.HardLink):
        raise ValueError("has no group data")
    info = json.loads(_text(file["data"].attrs["problem_info"]))
    text = info["language_instruction"]
    text = " ".join(map(str, text)) if isinstance(text, list) else str(text)
    if not text.strip('" '):
        raise ValueError("has an empty language_instruction")
    return text.strip('" ')


def _same_size(demonstrations: list[Demonstration], counts: Counts) -> Iterator[Demonstration]:
    """Refuse demonstrations with other actions than most have."""
    sizes = Counter(demonstration.actions.shape[1] for demonstration in demonstrations)
    for demonstration in demonstrations:
        size, common = demonstration.actions.shape[1], sizes.most_common(1)[0][0]
        if size == common:
            yield demonstration
        else:
            problem, fix = f"have {size} dimensions, most have {common}", "train them apart"
            counts.refused.append(InputError(demonstration.path, f"{demonstration.name}, actions", problem, fix))


def _rows(demonstration: Demonstration, counts: Counts) -> Iterator[dict]:
    if not demonstration.success:
        counts.failed += 1
        return
    steps = moving_steps(demonstration.actions)
    counts.kept += 1
    counts.steps += len(steps)
    counts.noops += len(demonstration.actions) - len(steps)
    for step in steps:
        yield {
            "path": str(demonstration.path),
            "demonstration": demonstration.name,
            "step": step,
            "instruction": demonstration.instruction,
            "action": demonstration.actions[step].tolist(),
        }


def _array(file: h5py.File, place: str) -> h5py.Dataset:
    """Return an array of a file, and of this file alone."""
    group = file
    for name in place.split("/"):
        if name not in group or not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"has no {place}, or a link in its place")
        group = group[name]
    if not isinstance(group, h5py.Dataset) or group.external or group.is_virtual:
        raise ValueError(f"has no array {place} of its own")
    return group


def _text(value) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _reason(error: Exception) -> str:
    return " ".join(str(error).strip("'\"").split())[:200]
