"""One row of SpaceVista-1M, and the one function that makes it from a `Question`."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from importlib.metadata import version

from datasets import ClassLabel, Features, Image, List, Value

from dataset_builders.question import Question, Region
from dataset_builders.scene import Scene
from dataset_builders.taxonomy import ANSWER_TYPES, METRES, PROMPT_TYPES, SCALE_NAMES, SCALES, TASK_NAMES

ENGINE_VERSION = version("spacevista")
LETTERS = "ABCDEFGH"

_ANCHORS = {"semantics": List(Value("string")), "scale_value": Value("float64"), "scale_unit": Value("string")}
TURN_FEATURES = {
    "task": ClassLabel(names=TASK_NAMES),
    "answer_type": ClassLabel(names=ANSWER_TYPES),
    "question": Value("string"),
    "options": List(Value("string")),
    "answer": Value("string"),
    "unit": Value("string"),
    "anchors": _ANCHORS,
    "rationale": Value("string"),
    "provenance": Value("string"),
}
"""What each turn of a conversation has of its own; the rest of a row holds for all of them."""

QUESTION_FEATURES = Features(
    {
        "id": Value("string"),
        "scene_id": Value("string"),
        "source": Value("string"),
        "license": Value("string"),
        "scale": ClassLabel(names=SCALE_NAMES),
        "task": TURN_FEATURES["task"],
        "answer_type": TURN_FEATURES["answer_type"],
        "prompt_type": ClassLabel(names=PROMPT_TYPES),
        **{name: TURN_FEATURES[name] for name in ("question", "options", "answer", "unit")},
        "regions": List(
            {
                "frame_index": Value("int32"),
                "kind": Value("string"),
                "colour": Value("string"),
                "point": List(Value("float32")),
                "bbox": List(Value("float32")),
                "mask": {"size": List(Value("int32")), "counts": Value("string")},
                "path": List(List(Value("float32"))),
            }
        ),
        "anchors": _ANCHORS,
        "rationale": TURN_FEATURES["rationale"],
        "video": Value("string"),
        "key_frames": List(Value("int32")),
        "provenance": TURN_FEATURES["provenance"],
        "turns": List(TURN_FEATURES),
    }
)
"""`video` is the `scene_id` of the row of the `scenes` config that holds the frames, null where the source has none;
`key_frames` are the frames that the question cannot do without. `turns` are the questions that follow the row's own in
a conversation about the same frames and marks, see `turns`; empty for a question that stands alone."""

SCENE_FEATURES = Features(
    {
        "scene_id": Value("string"),
        "source": Value("string"),
        "license": Value("string"),
        "scale": ClassLabel(names=SCALE_NAMES),
        "room_size": Value("float64"),
        "frames": List(Image()),
        "intrinsics": List(List(List(Value("float64")))),
        "camera_to_world": List(List(List(Value("float64")))),
        "objects": List(
            {
                "instance_id": Value("int32"),
                "category": Value("string"),
                "center": List(Value("float64")),
                "size": List(Value("float64")),
                "rotation": List(List(Value("float64"))),
            }
        ),
    }
)


class LetterBalance:
    """Gives out the letters of right options so that, in each scene, each is right equally often.

    Whole rounds of letters are shuffled by (scene, round), so that the letters of a scene do not depend on the others
    and scenes can be built apart; over a dataset they balance as well as the last, broken rounds do.

    >>> balance = LetterBalance("room")
    >>> sorted(balance.place(4) for _ in range(8))
    [0, 0, 1, 1, 2, 2, 3, 3]
    """

    def __init__(self, scene_id: str):
        """Start with no letter given out."""
        self._scene_id = scene_id
        self._given: Counter = Counter()

    def place(self, num_options: int) -> int:
        """Return the index for the right option."""
        whole, place = divmod(self._given[num_options], num_options)
        self._given[num_options] += 1
        order = sorted(range(num_options), key=lambda index: digest(f"{self._scene_id} {num_options} {whole} {index}"))
        return order[place]


def question_id(question: Question, scene: Scene) -> str:
    """Hash what identifies a question, or a whole conversation; the same one always gets the same id."""
    fact = question.fact
    regions = [_region_row(region) for region in _regions(question)]
    identity = [scene.source, scene.scene_id, fact.task, question.text, sorted(fact.options), regions]
    identity += [[turn.fact.task, turn.text, sorted(turn.fact.options)] for turn in question.then]
    return digest(json.dumps(identity))[:16]


def to_record(question: Question, scene: Scene, letters: LetterBalance) -> dict:
    """Turn a question into a row of the dataset; `letters` places the right option of every turn."""
    identity = question_id(question, scene)
    regions = _regions(question)
    key_frames = {frame for turn in (question, *question.then) for frame in turn.fact.key_frames}
    return {
        "id": identity,
        "scene_id": scene.scene_id,
        "source": scene.source,
        "license": scene.license,
        "scale": scene.scale,
        "prompt_type": question.fact.prompt_type,
        **_turn_row(question, scene, letters, identity),
        "regions": [_region_row(region) for region in regions],
        "video": scene.scene_id if scene.frames else None,
        "key_frames": sorted(key_frames | {region.frame_index for region in regions}),
        "turns": [
            _turn_row(turn, scene, letters, f"{identity}.{place}") for place, turn in enumerate(question.then, start=1)
        ],
    }


def _turn_row(question: Question, scene: Scene, letters: LetterBalance, identity: str) -> dict:
    fact = question.fact
    options, answer = list(fact.options), fact.answer
    if options:
        wrong = sorted(set(options) - {answer}, key=lambda text: digest(identity + text))
        place = letters.place(len(options))
        options = [*wrong[:place], answer, *wrong[place:]]
        answer = LETTERS[place]
    extent = scene.extent if fact.needs_scale else None
    unit = SCALES[scene.scale].length_unit
    return {
        "task": fact.task,
        "answer_type": fact.answer_type,
        "question": question.text,
        "options": options,
        "answer": answer,
        "unit": fact.unit,
        "anchors": {
            "semantics": list(fact.semantics),
            "scale_value": None if extent is None else float(f"{extent / METRES[unit]:.3g}"),
            "scale_unit": None if extent is None else unit,
        },
        "rationale": question.rationale,
        "provenance": json.dumps(
            {
                "rule": fact.rule,
                "measured": fact.measured,
                "margins": fact.margins,
                "template": question.template,
                "engine": ENGINE_VERSION,
                **({"unified": scene.metadata["unified"]} if "unified" in scene.metadata else {}),
            },
            sort_keys=True,
        ),
    }


def _regions(question: Question) -> list[Region]:
    """List the marks of all turns, each once: they are drawn on the frames that the conversation shows."""
    regions: list[Region] = []
    for turn in (question, *question.then):
        regions += [region for region in turn.fact.regions if region not in regions]
    return regions


def numbered(row: dict, features: Mapping) -> dict:
    """Replace the names of class labels by their numbers, those of the turns of a conversation, too."""
    return _relabelled(row, features, ClassLabel.str2int)


def named(row: dict, features: Mapping) -> dict:
    """Replace the numbers of class labels by their names; fields that the row lacks do not matter.

    >>> named({"task": 0, "turns": [{"task": 1}]}, QUESTION_FEATURES)
    {'task': 'position_comparison', 'turns': [{'task': 'size_comparison'}]}
    """
    return _relabelled(row, features, ClassLabel.int2str)


def _relabelled(row: dict, features: Mapping, convert: Callable[[ClassLabel, str | int], str | int]) -> dict:
    changed = {}
    for name, feature in features.items():
        if isinstance(feature, ClassLabel) and name in row:
            changed[name] = convert(feature, row[name])
        elif name == "turns" and row.get(name):
            changed[name] = [_relabelled(turn, feature.feature, convert) for turn in row[name]]
    return row | changed


def _region_row(region: Region) -> dict:
    return {
        "frame_index": region.frame_index,
        "kind": region.kind,
        "colour": region.colour,
        "point": None if region.point is None else [float(value) for value in region.point],
        "bbox": None if region.bbox is None else [float(value) for value in region.bbox],
        "mask": region.mask,
        "path": None if region.path is None else [list(map(float, point)) for point in region.path],
    }


def digest(text: str) -> str:
    """Return the SHA-256 of a text, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
