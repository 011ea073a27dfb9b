"""What all benchmarks share: from published files to records of ours, prompts, and what is shown with them.

A benchmark is a `Definition`: one module that reads the published layout and states the prompt. A prompt is made from
a record without its answer, so it cannot depend on it.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from dataset_builders.conversation import FrameStore, draw_regions
from dataset_builders.errors import InputError
from dataset_builders.record import LETTERS
from evaluate_metrics.benchmarks.media import Media, Shown, VideoFile
from evaluate_metrics.hub import local_folder
from evaluate_metrics.metrics import function_of
from evaluate_metrics.questions import fingerprint, open_frames

ANSWERS = ("answer", "rationale", "anchors", "provenance")
"""Fields of a record that tell the answer, or may."""
_EMPTY = {"scale": None, "source": "", "options": [], "unit": "", "regions": [], "key_frames": [], "media": None}


@dataclass(frozen=True)
class Definition:
    """A benchmark as it is published.

    Attributes:
        name: What the command calls it.
        repository: Of its dataset on the Hub; None where there is none.
        read: Folder and split → records and the files they were read from.
        prompt: Record without its answer, with the `sampling_rate` of the frames shown (per second of the video, None
            where there is none) → the text of the question to the model.
        wording: The prompt in words, which every run states.
        metric: Name in `evaluate_metrics.metrics` of its columns; None where ours are all there are.
        columns: Completions and records → its columns, where its metric takes no text.
    """

    name: str
    repository: str | None
    read: Callable[[Path, str], tuple[list[dict], list[Path]]]
    prompt: Callable[[dict], str]
    wording: str
    metric: str | None = None
    columns: Callable[[Sequence[str | None], Sequence[dict]], dict] | None = None


@dataclass(frozen=True)
class Benchmark:
    """A benchmark whose questions are read.

    Attributes:
        definition: Of it.
        folder: Where it lies.
        revision: Commit on the Hub; None for a folder of no known revision.
        split: Of it.
        records: The questions.
        files: They were read from these.
        num_frames: Shown of a video.
        store: Where the frames of a dataset folder of ours are; None for records that carry their media.
    """

    definition: Definition
    folder: Path
    revision: str | None
    split: str
    records: list[dict]
    files: list[Path]
    num_frames: int
    store: FrameStore | None = None

    def sha256(self) -> str:
        """Hash the contents of the files with the questions, and names and sizes of the media beside them."""
        content = fingerprint(self.folder, self.files)
        beside = sorted(_media_files(self.records) - set(self.files))
        if not beside:
            return content
        sizes = (f"{path.relative_to(self.folder).as_posix()} {path.stat().st_size}" for path in beside)
        return hashlib.sha256("\n".join([content, *sizes]).encode()).hexdigest()

    def scores(self, completions: Mapping[str, str]) -> dict | None:
        """Score completions in the columns of the benchmark, read in our way and in that of its public scorer.

        Args:
            completions: By id; questions without one count as unanswered.

        Returns:
            `robust` and `published`, the latter with nothing but `error` where the public scorer crashes on these
            questions; None for a benchmark without columns of its own.

        Raises:
            InputError: if a question is of no task of the benchmark.
        """
        if self.definition.columns is not None:
            return self.definition.columns([completions.get(record["id"]) for record in self.records], self.records)
        if self.definition.metric is None:
            return None
        metric = function_of(self.definition.metric)
        references = [_reference(record) for record in self.records]
        predictions = [completions.get(record["id"]) for record in self.records]
        robust = metric(predictions, references)
        texts = [text or "" for text in predictions]
        try:
            published = metric(texts, references, protocol="published")
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            # As its public scorer crashes: where a task has no question, or a true value is 0.
            published = {"error": f"{type(error).__name__}: {error}"}
        return {"robust": robust, "published": published}

    def prompt(self, record: dict, shown: Shown | None = None) -> str:
        """Write the question as the model reads it, without a look at the answer; some tell the rate of the frames."""
        known = {name: value for name, value in record.items() if name not in ANSWERS}
        known["sampling_rate"] = shown and shown.sampling_rate
        # Not what was measured, but whether the question itself says what to write: see `prompt_text`.
        template = json.loads(record.get("provenance") or "{}").get("template")
        return self.definition.prompt(known | ({"provenance": json.dumps({"template": template})} if template else {}))

    def show(self, record: dict) -> Shown | None:
        """Load what is shown with a question, its marks drawn; None for a question of text alone.

        Raises:
            OSError, ValueError, LookupError: if an image or video cannot be used.
        """
        if self.store is not None:
            images = self.store.frames(record)
            return None if images is None else Shown(tuple(images), tuple(self.store.indices(record)))
        if record["media"] is None:
            return None
        shown = record["media"].load(self.num_frames, record["key_frames"])
        images = [
            draw(image, index, record["regions"]) for image, index in zip(shown.images, shown.indices, strict=True)
        ]
        return replace(shown, images=tuple(images))

    def messages(self, record: dict, shown: Shown | None, earlier: Sequence[tuple[dict, str]] = ()) -> list[dict]:
        """Turn a question into chat messages; a video is one content part, images are one each.

        Args:
            record: The question.
            shown: What is shown, once, with the first message.
            earlier: What was asked before in a conversation, and what the model replied.
        """
        content = []
        if shown is not None and shown.is_video:
            content.append({"type": "video", "video": list(shown.images)})
        elif shown is not None:
            content += [{"type": "image", "image": image} for image in shown.images]
        spoken = [text for turn, reply in earlier for text in (self.prompt(turn, shown), reply)]
        messages = [
            {"role": ("user", "assistant")[place % 2], "content": [{"type": "text", "text": text}]}
            for place, text in enumerate([*spoken, self.prompt(record, shown)])
        ]
        messages[0]["content"][:0] = content
        return messages


def open_benchmark(definition: Definition, dataset: str | None, split: str, num_frames: int) -> Benchmark:
    """Read the questions of a benchmark and make sure that its media are there.

    Args:
        definition: Of the benchmark.
        dataset: Folder or Hub id; None for the published repository.
        split: Of the dataset.
        num_frames: Shown of a video.

    Raises:
        InputError: naming what is missing or broken.
    """
    name = dataset or definition.repository
    if name is None:
        raise InputError(definition.name, "--dataset", "is missing", "name the folder of the dataset")
    folder, revision = local_folder(name, "dataset", "--dataset")
    if not folder.is_dir():
        raise InputError(folder, "--dataset", "is not a folder", "name that of the dataset, or its Hub id")
    records, files = definition.read(folder, split)
    if not records:
        raise InputError(folder, "--dataset", "holds no question", "name the folder of the whole benchmark")
    _check_ids(records, folder)
    store = None
    if "media" in records[0]:
        _check_media(folder, records, num_frames)
    else:
        store = open_frames(folder, split, num_frames, records)
    for record in records:
        media = record.get("media")
        shown = record["video"] is not None if store else media is not None
        record["shown_as"] = ("video" if store or media.is_video else "images") if shown else None
    return Benchmark(definition, folder, revision, split, records, files, num_frames, store)


def make_record(**given) -> dict:
    """Make a record of a benchmark from the fields that it has; the others are empty."""
    return _EMPTY | given


def member(folder: Path, name: str, place) -> Path:
    """Return the path of a file that a published row names.

    Links are followed, because a snapshot of the Hub is made of them.

    Raises:
        InputError: if the name leads out of the folder.
    """
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or not name.isprintable():
        raise InputError(place, "path", f"is {name!r}", "give a path inside the folder of the dataset")
    return folder / name


def _check_ids(records: Iterable[dict], place) -> None:
    seen: set[str] = set()
    for record in records:
        if record["id"] in seen:
            raise InputError(place, "id", f"{record['id']!r} is there twice", "give every question an id of its own")
        seen.add(record["id"])


def _reference(record: dict) -> dict:
    """Make the row that the metrics take; see `evaluate_metrics.bench`."""
    row = {name: record[name] for name in ("id", "scene_id", "answer", "options", "source")}
    return row | {"task": record["category"]} | record.get("published", {})


def lettered(options: Sequence[str], form: str) -> list[str]:
    """Write options as lines.

    >>> lettered(["cup", "bowl"], "({letter}) {option}")
    ['(A) cup', '(B) bowl']
    """
    return [form.format(letter=letter, option=option) for letter, option in zip(LETTERS, options, strict=False)]


def draw(image, index: int, regions: Iterable[dict]):
    """Draw the marks of a frame on it."""
    marks = [region for region in regions if region["frame_index"] == index]
    return draw_regions(image, marks) if marks else image


def find_one(folder: Path, patterns: Sequence[str], what: str) -> list[Path]:
    """Return the files of the first pattern that has any.

    Raises:
        InputError: if none has.
    """
    for pattern in patterns:
        found = sorted(folder.glob(pattern))
        if found:
            return found
    raise InputError(folder, "--dataset", f"holds no {what} ({' or '.join(patterns)})", "name the folder that does")


def _media_files(records: Iterable[dict]) -> set[Path]:
    media: Iterable[Media] = (record["media"] for record in records if record.get("media") is not None)
    return {path for one in media for path in one.files()}


def _check_media(folder: Path, records: Sequence[dict], num_frames: int) -> None:
    if any(isinstance(record["media"], VideoFile) for record in records) and find_spec("av") is None:
        raise InputError("run", "python", "lacks the package av", 'install it with pip install "spacevista[model]"')
    files = _media_files(records)
    missing = sorted(path.relative_to(folder).as_posix() for path in files if not path.is_file())
    if missing:
        problem = f"{len(missing)} of {len(files)} files are missing, the first is {missing[0]}"
        raise InputError(folder, "media", problem, "unpack the archives of the dataset there")
    needed = max(len(set(record["key_frames"])) for record in records)
    if num_frames < needed:
        problem = f"is {num_frames}, but a question shows marks on {needed}"
        raise InputError(folder, "--num-frames", problem, f"give {needed} or more")
