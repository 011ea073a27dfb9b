"""The pages of a dataset by their paths, each made when it is asked for; what serves or writes them is elsewhere.

Paths: `index.html` (statistics), `scenes.html` (list), `scene/3.html`, `frame/3/0.jpg` and, with the marks of the
scene's question 7, `frame/3/0-q7.jpg`; where that is about several frames, `above/3-q7.png` shows them from above.
They are names, not files: nothing but the rows of the dataset is ever read.
"""

import io
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from threading import Lock
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from dataset_builders.conversation import draw_regions
from dataset_builders.errors import InputError
from dataset_builders.frames import stored_scene
from dataset_builders.inspection.above import picture_from_above, scene_view
from dataset_builders.inspection.charts import cross_table, histograms, word_cloud
from dataset_builders.inspection.overview import Overview
from dataset_builders.inspection.statistics import UNITS
from dataset_builders.record import LETTERS
from dataset_builders.splits import SPLITS
from dataset_builders.taxonomy import ANSWER_TYPES, PROMPT_TYPES, SCALE_NAMES, TASK_NAMES

CHOICES = {"task": TASK_NAMES, "scale": SCALE_NAMES, "split": SPLITS}
SKILL = re.compile(r"[\w.]+")
PER_PAGE = 60
CACHED_SCENES = 8
_SCENE = re.compile(r"scene/(\d{1,9})\.html")
_FRAME = re.compile(r"frame/(\d{1,9})/(\d{1,6})(?:-q(\d{1,6}))?\.jpg")
_ABOVE = re.compile(r"above/(\d{1,9})-q(\d{1,6})\.png")
HTML, JPEG, PNG = "text/html; charset=utf-8", "image/jpeg", "image/png"


class Page(NamedTuple):
    """Content and its type."""

    content: bytes
    kind: str


class Loaded(NamedTuple):
    """A scene and its questions."""

    row: dict
    questions: list[dict]


class Site:
    """Makes the pages of a dataset."""

    def __init__(self, overview: Overview, chosen: Sequence[int] | None = None):
        """Show a dataset.

        Args:
            overview: Of the dataset.
            chosen: Numbers of the only scenes to show, all on one list, for pages without a server; None for all.
        """
        self._overview, self._is_static = overview, chosen is not None
        self._shown = list(range(len(overview.scenes))) if chosen is None else list(chosen)
        # A default build has a rule per way to ask; of a set of skills, each rule is one, and can be chosen.
        skills = tuple(filter(SKILL.fullmatch, overview.files.report.get("by_skill", {})))
        self._choices = CHOICES | ({"skill": skills} if skills else {})
        self._lock = Lock()
        self._load = lru_cache(CACHED_SCENES)(self._read)

    def page(self, path: str, query: Mapping[str, str] | None = None) -> Page | None:
        """Return a page, or None where there is none.

        Args:
            path: Without a leading slash; empty for `index.html`.
            query: `task`, `skill`, `scale`, `split` and `page`; others, and unknown values, do not matter.

        Raises:
            InputError: if the dataset is broken there.
        """
        query = query or {}
        if path in ("", "index.html"):
            return self._statistics()
        if path == "scenes.html":
            return self._list(query)
        if match := _SCENE.fullmatch(path):
            return self._scene(int(match[1]), query)
        if match := _FRAME.fullmatch(path):
            return self._frame(*(None if number is None else int(number) for number in match.groups()))
        if match := _ABOVE.fullmatch(path):
            return self._above(int(match[1]), int(match[2]))
        return None

    def scene_paths(self, number: int) -> list[str]:
        """List the page of a scene and its images."""
        row, questions = self._scene_rows(number)
        paths = [f"scene/{number}.html", *(f"frame/{number}/{index}.jpg" for index in range(len(row["frames"])))]
        for place, question in enumerate(questions):
            paths += [f"frame/{number}/{index}-q{place}.jpg" for index in _marked(question, len(row["frames"]))]
            paths += [f"above/{number}-q{place}.png"] if _has_picture(row, question) else []
        return paths

    def _read(self, number: int) -> Loaded:
        entry = self._overview.scenes[number]
        return Loaded(self._overview.scene(entry), self._overview.questions(entry))

    def _scene_rows(self, number: int) -> Loaded:
        with self._lock:  # so that a page and its images, asked for at once, are read once
            return self._load(number)

    def _filtered(self, query: Mapping[str, str]) -> tuple[dict[str, str], list[int]]:
        wanted = {name: query[name] for name, known in self._choices.items() if query.get(name) in known}
        scenes = self._overview.scenes
        numbers = [
            number
            for number in self._shown
            if wanted.get("scale") in (None, scenes[number].scale)
            and wanted.get("split") in (None, scenes[number].split)
            and ("task" not in wanted or scenes[number].tasks[wanted["task"]])
            and ("skill" not in wanted or scenes[number].skills[wanted["skill"]])
        ]
        return wanted, numbers

    def _statistics(self) -> Page:
        found, scenes = self._overview.statistics, self._overview.scenes
        numbers = sorted({key[0] for key in found.letters})
        clouds: dict[str, Counter] = {scale: Counter() for scale in SCALE_NAMES}
        for (scale, category), count in found.categories.items():
            clouds[scale][category] += count
        answers = Counter({("answers", unit or "count", place): n for (unit, place), n in found.answers.items()})
        return self._render(
            "index.html.jinja",
            title=self._overview.files.folder.name,
            num_scenes=len(scenes),
            by_scale=cross_table(found.questions, TASK_NAMES, SCALE_NAMES),
            by_answer=cross_table(found.answer_types, TASK_NAMES, ANSWER_TYPES),
            by_prompt=cross_table(found.prompt_types, TASK_NAMES, PROMPT_TYPES),
            splits=cross_table(found.splits, SPLITS, SCALE_NAMES),
            letters=[
                (number, [(letter, found.letters[number, letter]) for letter in LETTERS[:number]])
                for number in numbers
            ],
            clouds={scale: word_cloud(counts) for scale, counts in clouds.items() if counts},
            answers=histograms(answers, ["answers"]),
            margins=histograms(found.margins, TASK_NAMES),
            report=self._overview.files.report,
        )

    def _list(self, query: Mapping[str, str]) -> Page:
        wanted, numbers = self._filtered(query)
        per_page = max(1, len(numbers)) if self._is_static else PER_PAGE
        pages = max(1, -(-len(numbers) // per_page))
        asked = query.get("page", "1")
        page = min(max(int(asked), 1), pages) if asked.isdecimal() and len(asked) < 10 else 1
        shown = [(number, self._overview.scenes[number]) for number in numbers[per_page * (page - 1) :][:per_page]]
        return self._render(
            "scenes.html.jinja", wanted=wanted, scenes=shown, matching=len(numbers), page=page, pages=pages
        )

    def _scene(self, number: int, query: Mapping[str, str]) -> Page | None:
        if number not in self._numbers:
            return None
        wanted, numbers = self._filtered(query)
        row, questions = self._scene_rows(number)
        return self._render(
            "scene.html.jinja",
            root="../",
            wanted=wanted,
            number=number,
            entry=self._overview.scenes[number],
            row=row,
            view=scene_view(row),
            questions=[_shown(question, row) for question in questions],
            before=max((other for other in numbers if other < number), default=None),
            after=min((other for other in numbers if other > number), default=None),
        )

    def _frame(self, number: int, index: int, place: int | None) -> Page | None:
        if number not in self._numbers:
            return None
        row, questions = self._scene_rows(number)
        if index >= len(row["frames"]) or (place is not None and place >= len(questions)):
            return None
        content = row["frames"][index]["bytes"]
        if place is not None:
            regions = [region for region in questions[place]["regions"] if region["frame_index"] == index]
            content = _draw(content, regions, f"frame {index} of {row['scene_id']}", self._overview.scenes[number])
        return Page(content, JPEG)

    def _above(self, number: int, place: int) -> Page | None:
        if number not in self._numbers:
            return None
        row, questions = self._scene_rows(number)
        if place >= len(questions) or not _has_picture(row, questions[place]):
            return None
        question, buffer = questions[place], io.BytesIO()
        scene = stored_scene(row, sorted(question["key_frames"]))
        picture_from_above(scene, question["anchors"]["semantics"]).save(buffer, "PNG")
        return Page(buffer.getvalue(), PNG)

    @property
    def _numbers(self) -> range | frozenset[int]:
        return frozenset(self._shown) if self._is_static else range(len(self._shown))

    def _render(self, template: str, root: str = "", **values) -> Page:
        shared = {
            "root": root,
            "choices": self._choices,
            "is_static": self._is_static,
            "num_shown": len(self._shown),
            "num_all": len(self._overview.scenes),
            "dataset": self._overview.files.folder.name,
        }
        text = environment().get_template(template).render(**shared, **values)
        # A lone surrogate of a hostile text cannot be encoded.
        return Page(text.encode(errors="replace"), HTML)


def _draw(content: bytes, regions: Sequence[dict], field: str, entry) -> bytes:
    buffer = io.BytesIO()
    try:
        with Image.open(io.BytesIO(content)) as image:
            draw_regions(image, regions).save(buffer, "JPEG", quality=88)
    except (OSError, ValueError, KeyError, TypeError, IndexError, Image.DecompressionBombError):
        problem = "is not an image, or has marks that cannot be drawn"
        raise InputError(entry.group.path, field, problem, "build the dataset again") from None
    return buffer.getvalue()


def _has_picture(row: Mapping, question: Mapping) -> bool:
    """Tell whether a question is about several frames, whose cameras are known."""
    indices = question["key_frames"]
    return len(indices) > 1 and max(indices) < min(len(row["frames"]), len(row["camera_to_world"]))


def _marked(question: Mapping, num_frames: int) -> list[int]:
    """List the frames that a question is about, with marks or without."""
    marked = {region["frame_index"] for region in question["regions"]}
    return sorted(marked.union(question["key_frames"]) & set(range(num_frames)))


def _shown(question: dict, row: Mapping) -> dict:
    """Add what the template shows of a question, and of those that follow it in a conversation."""
    return _explained(question) | {
        "marked": _marked(question, len(row["frames"])),
        "has_picture": _has_picture(row, question),
        "turns": [_explained(turn) for turn in question["turns"]],
    }


def _explained(question: dict) -> dict:
    provenance = json.loads(question["provenance"])
    pairs = zip(LETTERS, question["options"], strict=False)
    return question | {
        "choices": [(letter, text, letter == question["answer"]) for letter, text in pairs],
        "measured": provenance.pop("measured", {}),
        "margins": provenance.pop("margins", {}),
        "made_by": provenance,
    }


def _quantity(name: str) -> str:
    """Write the name of a quantity as words with its unit.

    >>> _quantity("to_spare_m"), _quantity("corners_elsewhere")
    ('to spare, m', 'corners elsewhere')
    """
    words, _, last = name.rpartition("_")
    return f"{words}, {UNITS[last]}".replace("_", " ") if words and last in UNITS else name.replace("_", " ")


def _value(value) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@cache
def environment() -> Environment:
    """Return the templates, which escape every value, with their filters."""
    result = Environment(
        loader=PackageLoader("dataset_builders.inspection", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    result.filters |= {
        "words": lambda name: str(name).replace("_", " "),
        "thousands": lambda number: f"{number:,}",
        "percent": lambda share: f"{share:.1%}",
        "quantity": _quantity,
        "value": _value,
    }
    return result
