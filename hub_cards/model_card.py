"""The card of a model folder: what it is made of, how it was trained, what it scores, and what that leaves open."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from huggingface_hub import EvalResult, ModelCardData

from dataset_builders.conversation import prompt_text
from dataset_builders.errors import InputError
from dataset_builders.taxonomy import SCALE_NAMES, TASK_NAMES
from evaluate_metrics.benchmarks import BENCHMARKS
from evaluate_metrics.questions import dataset_files, fingerprint, model_files
from evaluate_metrics.report.files import write_text
from evaluate_metrics.report.results import Results, check_model, open_results, shown, verdict
from evaluate_metrics.report.templating import interval, signed, words
from hub_cards.dataset_card import source_rows
from hub_cards.dataset_folder import DatasetFolder, open_dataset
from hub_cards.hand_written import keep
from hub_cards.licenses import read_terms, strictest
from hub_cards.model_folder import ModelFolder, open_model
from hub_cards.pictures import model_pictures, write_pictures
from hub_cards.templating import render

# Prefix of the base model on the Hub → what its terms are called there. Each model also carries DINOv3 weights.
BASE_LICENSES = {
    "Qwen/Qwen2.5-VL-3B": "qwen-research",
    "Qwen/Qwen2.5-VL-72B": "qwen",
    "Qwen/Qwen2.5-VL-": "apache-2.0",
}
# What the card of `trl_recipes` begins with.
STARTERS = ("# SpaceVista after ",)
SMALL = 100_000_000  # parameters; below this no language model from scratch has general knowledge
QUESTION = {"question": "How many chairs are there in this room?", "options": [], "unit": ""}


def write_model_card(path: Path, results: Path | None = None, dataset: Path | None = None) -> Path:
    """Write the card of a model folder as its README.md.

    Args:
        path: A model folder that a recipe saved.
        results: Folder of its evaluation, or the `results.json`; without it the card says that no scores are known.
        dataset: Folder of a dataset that it was trained on, to state its sources and their licences.

    Returns:
        The path of the card.

    Raises:
        InputError: if a folder is not what it should be, results or dataset are another model's, the card holds text
            that would be lost, or it cannot be written.
    """
    model = open_model(path)
    scores = None if results is None else _own_results(results, model)
    data = None if dataset is None else _training_data(dataset, model)
    card = model.path / "README.md"
    pictures = model_pictures(model, scores)
    terms = weight_license(model)
    text = render(
        "model_card.md.jinja",
        metadata=metadata(model, scores).to_yaml(),
        pictures=pictures,
        files=_hashed(model_files(model.path), model.path),
        data_digest=None if data is None else _rows_digest(data),
        weight_terms=terms.get("license_name", terms["license"]),
        obligations=[] if data is None else sorted(strictest(map(read_terms, data.terms))),
        model=model,
        results=scores,
        verdict=None if scores is None else verdict(scores),
        sources=[] if data is None else source_rows(data),
        prompt=prompt_text(QUESTION),
        num_frames=scores.data["settings"]["num_frames"] if scores else None,
        limits=limits(model, scores, data),
    )
    text = keep(card, text, STARTERS)
    write_pictures(model.path, pictures)
    # The figures that the card stands on, by which a card of other weights is noticed when it is published.
    if scores is not None and scores.path.resolve() != (model.path / "results.json").resolve():
        write_text(model.path / "results.json", scores.path.read_text(encoding="utf-8"))
    write_text(card, text)
    return card


def weight_license(model: ModelFolder) -> dict:
    """Return the YAML fields that state the terms of the weights, which are those of what they started from."""
    if model.base_model is None:
        return {"license": "apache-2.0"}
    terms = next((terms for prefix, terms in BASE_LICENSES.items() if model.base_model.startswith(prefix)), None)
    name = terms or "terms-of-the-base-model"
    return {"license": "other", "license_name": f"{name}-and-dinov3-license", "license_link": "README.md"}


def metadata(model: ModelFolder, results: Results | None) -> ModelCardData:
    """Return the YAML of the card, with the scores as a model-index."""
    return ModelCardData(
        language=["en"],
        **weight_license(model),
        library_name="transformers",
        pipeline_tag="image-text-to-text",
        tags=["spatial-reasoning", "spacevista", "video", "custom_code"],
        datasets=list(dict.fromkeys(stage["dataset"] for stage in model.stages)) or None,
        base_model=model.base_model if "/" in (model.base_model or "") else None,  # else a folder, not a repository
        model_name=model.name,
        eval_results=eval_results(results) if results else None,
    )


def eval_results(results: Results) -> list[EvalResult]:
    """Return micro, macro, per-task and per-scale scores as one entry of the model-index."""
    data = results.data
    repository = BENCHMARKS[data["benchmark"]].repository if data["benchmark"] in BENCHMARKS else None
    return [
        EvalResult(
            task_type="visual-question-answering",
            task_name="Spatial questions about videos",
            dataset_type=repository or data["dataset"],
            dataset_name=data["benchmark"] if repository else data["dataset"],
            dataset_config=None if repository else "all",
            dataset_split=data["split"],
            dataset_revision=data["settings"].get("dataset_revision"),
            metric_type="spacevista_score",
            metric_name=row.name if row.group in ("overall", "turn") else f"{row.group} {row.name}",
            metric_value=row.values["model"],
        )
        for row in results.rows
    ]


def limits(model: ModelFolder, results: Results | None, data: DatasetFolder | None) -> list[str]:
    """Say in sentences what this model cannot do or has not shown, from its training and its scores."""
    found = []
    if model.stages and model.base_model is None:
        trained = ", ".join(dict.fromkeys(f"`{stage['dataset']}`" for stage in model.stages))
        found.append(
            f"Its weights were drawn at random and have seen nothing but {trained}: no other text, no other images."
        )
    if model.num_parameters < SMALL:
        found.append(
            f"With {model.num_parameters:,} parameters it shows that the pipeline works; it is no general model."
        )
    if data is not None and set(data.scenes["source"].to_pylist()) == {"synthetic"}:
        found.append("All its training scenes are synthetic, rendered from simple solids; it has seen no photograph.")
    return found + (_unshown(results) if results else ["It has not been evaluated: no scores are known."])


def _unshown(results: Results) -> list[str]:
    """Say what an evaluation leaves open."""
    data, found = results.data, []
    for name, text in (("blind", "the video helps"), ("chance", "it does better than chance")):
        rows = [row for row in results.group("task") if not shown(row.values[f"over_{name}"])]
        tasks = [f"{words(row.name)} ({_margin(row.values[f'over_{name}'])})" for row in rows]
        if tasks:
            found.append(f"No evidence that {text} on {', '.join(tasks)}: the 95 % interval is not above zero.")
    for kind, names in (("tasks", TASK_NAMES), ("scales", SCALE_NAMES)):
        absent = [words(name) for name in names if name not in data[f"by_{kind[:-1]}"]]
        if absent:
            found.append(f"Not measured at all: the {kind} {', '.join(absent)}.")
    unparsed = data["unparsed"]
    found.append(
        f"Replies without a readable answer: {unparsed['video']} of {data['num_questions']} with the video, "
        f"{unparsed['blind']} without; they score zero."
    )
    flat = [words(row.name) for row in results.rows if row.values["interval"][0] == row.values["interval"][1]]
    if flat:
        found.append(f"Their intervals have no width, for lack of scenes that differ: {', '.join(flat)}.")
    found.append(f"Intervals rest on {data['num_scenes']} scenes of one dataset, and on one training run.")
    return found


def _margin(margin: dict) -> str:
    return f"{signed(margin['margin'])} {interval(margin['interval'])}"


def _hashed(files: Iterable[Path], root: Path) -> list[tuple[str, int, str]]:
    rows = []
    for path in sorted(files):
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        rows.append((path.relative_to(root).as_posix(), path.stat().st_size, digest))
    return rows


def _rows_digest(data: DatasetFolder) -> tuple[str, str] | None:
    files = dataset_files(data.path, "train")
    return (data.path.resolve().name, fingerprint(data.path, files)) if files else None


def _own_results(path: Path, model: ModelFolder) -> Results:
    results = open_results(path)
    check_model(results, model.path)
    return results


def _training_data(path: Path, model: ModelFolder) -> DatasetFolder:
    data = open_dataset(path)
    name, trained = data.path.resolve().name, sorted({stage["dataset"] for stage in model.stages})
    if name not in trained:
        problem = f"says {', '.join(trained) or 'nothing'}, not {name}"
        raise InputError(
            model.path / "training.json", "dataset", problem, "give a dataset that the model was trained on"
        )
    return data
