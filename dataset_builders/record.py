"""One row of SpaceVista-1M, and the one function that makes it from a `Question`."""

import hashlib
import json
from collections import Counter
from importlib.metadata import version

from datasets import ClassLabel, Features, Image, List, Value

from dataset_builders.question import Question, Region
from dataset_builders.scene import Scene
from dataset_builders.taxonomy import ANSWER_TYPES, METRES, PROMPT_TYPES, SCALE_NAMES, SCALES, TASK_NAMES

ENGINE_VERSION = version("spacevista")
LETTERS = "ABCDEFGH"

QUESTION_FEATURES = Features(
    {
        "id": Value("string"),
        "scene_id": Value("string"),
        "source": Value("string"),
        "license": Value("string"),
        "scale": ClassLabel(names=SCALE_NAMES),
        "task": ClassLabel(names=TASK_NAMES),
        "answer_type": ClassLabel(names=ANSWER_TYPES),
        "prompt_type": ClassLabel(names=PROMPT_TYPES),
        "question": Value("string"),
        "options": List(Value("string")),
        "answer": Value("string"),
        "unit": Value("string"),
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
        "anchors": {
            "semantics": List(Value("string")),
            "scale_value": Value("float64"),
            "scale_unit": Value("string"),
        },
        "rationale": Value("string"),
        "video": Value("string"),
        "key_frames": List(Value("int32")),
        "provenance": Value("string"),
    }
)
"""`video` is the `scene_id` of the row of the `scenes` config that holds the frames, null where the source has none;
`key_frames` are the frames that the question cannot do without."""

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
        order = sorted(
            range(num_options), key=lambda index: _digest(f"{self._scene_id} {num_options} {whole} {index}")
        )
        return order[place]


def question_id(question: Question, scene: Scene) -> str:
    """Hash what identifies a question; the same question always gets the same id."""
    fact = question.fact
    regions = [_region_row(region) for region in fact.regions]
    identity = [scene.source, scene.scene_id, fact.task, question.text, sorted(fact.options), regions]
    return _digest(json.dumps(identity))[:16]


def to_record(question: Question, scene: Scene, letters: LetterBalance) -> dict:
    """Turn a question into a row of the dataset; `letters` places the right option."""
    identity = question_id(question, scene)
    fact = question.fact
    options, answer = list(fact.options), fact.answer
    if options:
        wrong = sorted(set(options) - {answer}, key=lambda text: _digest(identity + text))
        place = letters.place(len(options))
        options = [*wrong[:place], answer, *wrong[place:]]
        answer = LETTERS[place]
    extent = scene.extent if fact.needs_scale else None
    unit = SCALES[scene.scale].length_unit
    key_frames = {*fact.key_frames, *(region.frame_index for region in fact.regions)}
    return {
        "id": identity,
        "scene_id": scene.scene_id,
        "source": scene.source,
        "license": scene.license,
        "scale": scene.scale,
        "task": fact.task,
        "answer_type": fact.answer_type,
        "prompt_type": fact.prompt_type,
        "question": question.text,
        "options": options,
        "answer": answer,
        "unit": fact.unit,
        "regions": [_region_row(region) for region in fact.regions],
        "anchors": {
            "semantics": list(fact.semantics),
            "scale_value": None if extent is None else float(f"{extent / METRES[unit]:.3g}"),
            "scale_unit": None if extent is None else unit,
        },
        "rationale": question.rationale,
        "video": scene.scene_id if scene.frames else None,
        "key_frames": sorted(key_frames),
        "provenance": json.dumps(
            {
                "rule": fact.rule,
                "measured": fact.measured,
                "margins": fact.margins,
                "template": question.template,
                "engine": ENGINE_VERSION,
            },
            sort_keys=True,
        ),
    }


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


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
