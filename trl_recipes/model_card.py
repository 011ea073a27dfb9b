"""The model card that a stage leaves beside its weights: what it is, how it came about, how to load it."""

from huggingface_hub import ModelCard, ModelCardData

TAGS = ["spacevista", "trl", "spatial-reasoning"]


def write_model_card(path: str, stages: list[dict]) -> None:
    """Write a card of what `training.json` tells; `python -m hub_cards model` writes the full one, with results.

    Args:
        path: Of the file.
        stages: As `training.json` holds them, the one just run last.
    """
    last = stages[-1]
    # Only what was named as on the Hub is an id there; the names of folders mean nothing to others.
    data = ModelCardData(
        library_name="transformers",
        pipeline_tag="image-text-to-text",
        tags=[*TAGS, last["stage"]],
        base_model=_hub_id(stages[0]["base_model"]),
        datasets=[name for name in dict.fromkeys(stage["dataset"] for stage in stages) if _hub_id(name)] or None,
    )
    ModelCard(f"---\n{data.to_yaml()}\n---\n{_text(stages)}").save(path)


def _hub_id(name: str | None) -> str | None:
    return name if name and "/" in name else None


def _text(stages: list[dict]) -> str:
    rows = ["| stage | from | dataset | rows | steps | last loss |", "|---|---|---|---|---|---|"]
    for stage in stages:
        loss = stage["final"].get("loss")
        rows_seen = "a stream" if stage["num_samples"] is None else f"{stage['num_samples']:,}"
        cells = [stage["stage"], stage["base_model"] or "scratch", stage["dataset"], rows_seen]
        cells += [f"{stage['steps']:,}", "" if loss is None else f"{loss:.4g}"]
        rows.append(f"| {' | '.join(cells)} |")
    return f"""
# SpaceVista after {stages[-1]["stage"]}

A model for spatial reasoning on videos, trained with SpaceVista's recipes and TRL. It has not been evaluated yet.

## Training

{chr(10).join(rows)}

`training.json` holds the settings and curves of every stage.

## Use

The folder carries its own code:

```python
from transformers import AutoModelForImageTextToText, AutoProcessor

model = AutoModelForImageTextToText.from_pretrained(folder, trust_remote_code=True)
processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
```
"""
