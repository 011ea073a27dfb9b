"""A model folder as a card sees it: configuration, training record, and what the weight files say about themselves."""

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path

from dataset_builders.errors import InputError
from evaluate_metrics.report.files import field, read_json, require

SAVE = "give what a recipe saved (config.json, model.safetensors, training.json)"
LARGEST_HEADER = 100_000_000  # bytes; the limit of the safetensors library

# Part of the model and the tensors that belong to it; the first pattern that matches decides.
PARTS = {
    "Scale experts": r"\.expert_[ab]$",
    "Routers": r"\.router\.",
    "Dense encoder (DINOv3, frozen)": r"(^|\.)dense_branch\.",
    "Fusion": r"(^|\.)fusion\.",
    "Vision tower": r"(^|\.)visual\.",
    "Token embeddings and head": r"(^|\.)(embed_tokens|lm_head)\.",
    "Language layers": r"",
}


@dataclass(frozen=True)
class ModelFolder:
    """What a recipe saved.

    Attributes:
        path: The folder.
        config: `config.json`.
        stages: The list of `training.json`.
        shapes: Shape of every stored tensor.
        dtypes: Types that tensors are stored in.
    """

    path: Path
    config: dict
    stages: list[dict]
    shapes: dict[str, list[int]]
    dtypes: list[str]

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.path.resolve().name

    @property
    def base_model(self) -> str | None:
        """What the first stage started from; None if the weights were drawn at random."""
        return self.stages[0]["base_model"] if self.stages else None

    @property
    def num_parameters(self) -> int:
        """Number of stored parameters; tied ones are stored, and counted, once."""
        return sum(map(math.prod, self.shapes.values()))

    def parts(self) -> list[tuple[str, int]]:
        """Count parameters by part of the model, in the order of `PARTS`, empty parts left out."""
        sizes = dict.fromkeys(PARTS, 0)
        for name, shape in self.shapes.items():
            part = next(part for part, pattern in PARTS.items() if re.search(pattern, name))
            sizes[part] += math.prod(shape)
        return [(part, size) for part, size in sizes.items() if size]


def open_model(path: Path) -> ModelFolder:
    """Read the description of a model; weights are not loaded and torch is not needed.

    Raises:
        InputError: naming the file that is missing or cannot be read.
    """
    path = Path(path)
    config = read_json(require(path / "config.json", "model", SAVE))
    training = require(path / "training.json", "model of a recipe", SAVE)
    stages = field(read_json(training), "stages", training)
    for stage in stages:
        for name in ("stage", "dataset", "base_model", "arguments", "num_samples", "steps", "final"):
            field(stage, name, training)
    files = sorted(path.glob("*.safetensors"))
    if not files:
        require(path / "model.safetensors", "model", SAVE)
    shapes, dtypes = {}, set()
    for file in files:
        for name, entry in read_header(file).items():
            if name != "__metadata__":
                shapes[name] = entry["shape"]
                dtypes.add(entry["dtype"])
    return ModelFolder(path=path, config=config, stages=stages, shapes=shapes, dtypes=sorted(dtypes))


def read_header(file: Path) -> dict:
    """Read the header of a safetensors file: 8 bytes of length, then JSON.

    Raises:
        InputError: if it has none.
    """
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if not 0 < length <= min(LARGEST_HEADER, file.stat().st_size - 8):
                raise ValueError(f"a header of {length} bytes")
            return json.loads(stream.read(length))
    except (OSError, ValueError) as error:
        raise InputError(file, "safetensors header", f"cannot be read ({error})", "save the model again") from error
