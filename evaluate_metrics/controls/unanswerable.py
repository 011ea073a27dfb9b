"""Unanswerable variants: the object is covered, or was never there; does the model say so, or make an answer up?

All three variants allow in words to abstain. `answerable` asks the unchanged question with that permission, so that a
model that always abstains is found out. (After SpatialUncertain, "Do VLMs Know When Not to Answer Spatial Questions".)
"""

import re
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw

from dataset_builders.masks import decode_mask
from evaluate_metrics.benchmarks.base import draw
from evaluate_metrics.benchmarks.media import Shown
from evaluate_metrics.controls.base import Condition, shows_anything, with_images

PERMISSION = "If what is shown does not tell, answer: cannot tell."
ABSTAINED = "cannot tell"
ABSENT = ("giraffe", "submarine", "cement mixer", "church organ")
"""No scene of ours holds one."""
COVER = (128, 128, 128)
MARGIN = 0.25
"""Of the size of a mark, by which the cover reaches beyond it."""
POINT_COVER = 0.25
"""Side of what covers a point, as a share of the shorter side of the image: the object's extent is not known."""

_ABSTAINS = re.compile(
    r"\b(?:can(?:not|'t|’t| not) (?:tell|say|answer|determine|be (?:told|answered|determined|seen)|see)|unanswerable|"
    r"impossible to (?:tell|say|determine)|not (?:enough|sufficient) information|insufficient information|"
    r"(?:is|are) (?:not (?:visible|shown|present|there)|hidden|covered|occluded)|no such object|unknown)\b",
    re.IGNORECASE,
)
# Of something that is absent there are none, and that is an answer.
_ANSWERED_BY_ABSENCE = ("object_counting", "existence_estimation")


def abstains(answer: str) -> bool:
    """Tell whether an answer says that there is no telling.

    >>> abstains("Cannot tell."), abstains("The cup is not visible"), abstains("3 m")
    (True, True, False)
    """
    return _ABSTAINS.search(answer) is not None


def permit(record: dict, shown: Shown | None, rng: np.random.Generator) -> tuple[dict, Shown | None]:
    """Ask the same question with the permission to abstain."""
    return record | {"question": f"{record['question']}\n{PERMISSION}"}, shown


def name_absent(record: dict, shown: Shown | None, rng: np.random.Generator) -> tuple[dict, Shown | None]:
    """Ask about an object that is not there instead of the first one that the question names."""
    absent = ABSENT[rng.integers(len(ABSENT))]
    question = _first_name(record).sub(absent, record["question"])
    return permit(record | {"question": question, "answer": ABSTAINED}, shown, rng)


def occlude(record: dict, shown: Shown, rng: np.random.Generator) -> tuple[dict, Shown]:
    """Show only the marked frames, with all that is marked covered, and the marks drawn on the cover."""
    marked = {region["frame_index"] for region in record["regions"]}
    kept = with_images(shown, [place for place, index in enumerate(shown.indices) if index in marked])
    images = []
    for image, index in zip(kept.images, kept.indices, strict=True):
        covered = image.copy()
        for region in record["regions"]:
            if region["frame_index"] == index:
                ImageDraw.Draw(covered).rectangle(_cover(region, covered), fill=COVER)
        images.append(draw(covered, index, record["regions"]))
    return permit(record | {"answer": ABSTAINED}, replace(kept, images=tuple(images)), rng)


def _names_object(record: dict) -> bool:
    pattern = _first_name(record)
    return shows_anything(record) and record["task"] not in _ANSWERED_BY_ABSENCE and pattern is not None


def _first_name(record: dict) -> re.Pattern | None:
    names = (record.get("anchors") or {}).get("semantics") or ()
    patterns = [re.compile(rf"\b{re.escape(name)}\b", re.IGNORECASE) for name in names]
    return next((pattern for pattern in patterns if pattern.search(record["question"])), None)


def _is_marked(record: dict) -> bool:
    kinds = {region["kind"] for region in record["regions"]}
    return shows_anything(record) and bool(kinds) and kinds <= {"point", "bbox", "mask"}


def _cover(region: dict, image: Image.Image) -> tuple[float, float, float, float]:
    """Return the box that covers a mark, pixels."""
    if region["kind"] == "point":
        x, y = region["point"]
        half = POINT_COVER * min(image.size) / 2
        return x - half, y - half, x + half, y + half
    if region["kind"] == "bbox":
        left, top, right, bottom = region["bbox"]
    else:
        rows, columns = np.nonzero(decode_mask(region["mask"]))
        left, top, right, bottom = columns.min(), rows.min(), columns.max(), rows.max()
    beyond_x, beyond_y = MARGIN * (right - left), MARGIN * (bottom - top)
    return left - beyond_x, top - beyond_y, right + beyond_x, bottom + beyond_y


CONDITIONS = (
    Condition("unanswerable-answerable", permit, lambda record: _names_object(record) or _is_marked(record)),
    Condition("unanswerable-absent", name_absent, _names_object, abstain=True),
    Condition("unanswerable-occluded", occlude, _is_marked, abstain=True),
)
