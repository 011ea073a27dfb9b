"""`training.json`: how a model came about, stage by stage, beside its weights."""

import json
from dataclasses import MISSING, asdict, fields
from pathlib import Path

from datasets import IterableDataset
from transformers import Trainer

from evaluate_metrics.questions import dataset_files, fingerprint
from trl_recipes.arguments import RecipeArguments
from trl_recipes.data import SPLIT

FILE_NAME = "training.json"
MAX_HISTORY = 200
PRIVATE = ("output_dir", "resume_from_checkpoint", "run_name", "logging_dir", "hub_token", "push_to_hub_token")


def record_stage(name: str, recipe: RecipeArguments, trainer: Trainer, seconds: float) -> list[dict]:
    """Append this stage to those of the model it started from, write them into the output folder, and return them."""
    history = [_curves(entry) for entry in trainer.state.log_history]
    history = [entry for entry in history if len(entry) > 1]
    stage = {
        "stage": name,
        "dataset": public_name(recipe.dataset),
        "dataset_sha256": _rows_digest(Path(recipe.dataset)),
        "base_model": public_name(recipe.model_name_or_path) if recipe.model_name_or_path else None,
        "arguments": _arguments(recipe, trainer.args),
        "num_samples": _num_rows(trainer.train_dataset),
        "steps": trainer.state.global_step,
        "seconds": round(seconds, 1),
        "final": {key: value for entry in history for key, value in entry.items() if key != "step"},
        "history": _sample(history),
    }
    stages = [*_earlier_stages(recipe.model_name_or_path), stage]
    text = json.dumps({"stages": stages}, indent=2, sort_keys=True)
    (Path(trainer.args.output_dir) / FILE_NAME).write_text(text + "\n", encoding="utf-8")
    return stages


def _num_rows(dataset) -> int | None:
    """Count the rows of a training set, those of packed items each; None for a stream."""
    if isinstance(dataset, IterableDataset):
        return None
    places = dataset.with_format(None)["places"] if "places" in dataset.column_names else None
    return len(dataset) if places is None else sum(map(len, places))


def _rows_digest(dataset: Path) -> str | None:
    """Return the fingerprint of the training rows of a folder; None for a dataset of the Hub."""
    # Of a folder without questions, such as one of demonstrations, all files.
    files = dataset_files(dataset, SPLIT) or sorted(path for path in dataset.rglob("*") if path.is_file())
    return fingerprint(dataset, files) if dataset.is_dir() else None


def public_name(path_or_id: str) -> str:
    """Name a dataset, model or file without saying where on this machine it lies; leave other words as they are.

    >>> public_name("/data/build/scenes/"), public_name("someone/spacevista-1m")
    ('scenes', 'someone/spacevista-1m')
    """
    path = Path(path_or_id)
    return path.resolve().name if path.is_absolute() or path.exists() else path_or_id


def _earlier_stages(model: str | None) -> list[dict]:
    path = Path(model or "") / FILE_NAME
    return json.loads(path.read_text(encoding="utf-8"))["stages"] if model and path.is_file() else []


def _arguments(recipe: RecipeArguments, training) -> dict:
    """Return the recipe's settings, and those of the trainer that differ from the library's defaults."""
    own = {key: value for key, value in asdict(recipe).items() if key not in ("dataset", "model_name_or_path")}
    changed = {item.name: getattr(training, item.name) for item in fields(training) if item.name not in PRIVATE}
    defaults = {item.name: _default(item) for item in fields(training)}
    plain = (bool, int, float, str, list, dict)
    told = own | {k: v for k, v in changed.items() if v not in (defaults[k], [], {}, "") and isinstance(v, plain)}
    return {name: _public(value) for name, value in told.items()}


def _public(value):
    if isinstance(value, list):
        return [_public(part) for part in value]
    return public_name(value) if isinstance(value, str) else value


def _default(item):
    return item.default_factory() if item.default_factory is not MISSING else item.default


def _curves(entry: dict) -> dict:
    """Keep what is worth a plot of one log entry: step, losses, rewards, constraints, accuracy, lengths and gates."""
    kept = ("step", "loss", "reward", "mean_token_accuracy", "kl", "completions/mean_length")
    kept += ("eval_loss", "eval_reward", "eval_mean_token_accuracy")
    kept += ("gates/entropy", "load_balance_loss", "router_z_loss")
    return {
        key: value
        for key, value in entry.items()
        if key in kept or key.startswith("constraints/") or (key.startswith("rewards/") and key.endswith("/mean"))
    }


def _sample(history: list[dict]) -> list[dict]:
    """Thin the history evenly to at most MAX_HISTORY entries; the last one stays."""
    stride = -(-len(history) // MAX_HISTORY) or 1
    return history[::-1][::stride][::-1]
