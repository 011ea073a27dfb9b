"""Record → conversation: the one place where a row becomes what a model reads and should write.

Training and evaluation both call `to_messages`, so a prompt never depends on who asks, nor on the right answer.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence

import numpy as np
from datasets import load_dataset
from PIL import Image, ImageDraw
from scipy import ndimage

from dataset_builders.general import RowError, general_messages, open_picture, picture_size
from dataset_builders.masks import decode_mask
from dataset_builders.question import REGION_COLOURS
from dataset_builders.record import LETTERS
from dataset_builders.taxonomy import ANSWER_TYPES

FREE_FORM = ANSWER_TYPES.index("free_form")  # a row of a loaded dataset holds the number of the class
# Questions of VST that ask for JSON, sentences or lists, and say so.
SAYS_WHAT_TO_WRITE = re.compile(r'"template": "vst\.(caption|depth_list|detection|distance_spelled)')
FORMAT = (
    "Reply as <think>reasoning</think><semantics>objects</semantics><scale>scene size</scale><answer>answer</answer>."
)


def prompt_text(record: dict) -> str:
    """Write the question as the model reads it.

    >>> row = {"question": "Which is nearer?", "options": ["cup", "bowl"], "unit": ""}
    >>> print(prompt_text(row).splitlines()[:4])
    ['Which is nearer?', 'A. cup', 'B. bowl', "Answer with the option's letter."]
    """
    lines = [record["question"]]
    lines += [f"{letter}. {option}" for letter, option in zip(LETTERS, record["options"] or (), strict=False)]
    if record["options"]:
        lines.append("Answer with the option's letter.")
    elif record.get("answer_type") in ("free_form", FREE_FORM):
        if not SAYS_WHAT_TO_WRITE.search(record.get("provenance") or ""):
            lines.append("Answer in a few words.")
    elif record["unit"]:
        # Not which unit: it would give the scale away, which is to be seen.
        lines.append("Answer with a number and its unit.")
    else:
        lines.append("Answer with a number.")
    return "\n".join([*lines, FORMAT])


def completion_text(record: dict) -> str:
    """Write the reply that cold start teaches: reasoning, the two anchors (`none` where they do not apply), answer.

    >>> anchors = {"semantics": ["cup"], "scale_value": 62.0, "scale_unit": "cm"}
    >>> completion_text({"rationale": "It is 9 cm tall.", "anchors": anchors, "answer": "9", "unit": "cm"})
    '<think>It is 9 cm tall.</think><semantics>cup</semantics><scale>62 cm</scale><answer>9 cm</answer>'
    """
    anchors = record["anchors"]
    semantics = ", ".join(anchors["semantics"]) or "none"
    answer = f"{record['answer']} {record['unit']}".strip()
    scale = "none" if anchors["scale_value"] is None else f"{anchors['scale_value']:g} {anchors['scale_unit']}"
    return (
        f"<think>{record['rationale'] or ''}</think><semantics>{semantics}</semantics>"
        f"<scale>{scale}</scale><answer>{answer}</answer>"
    )


def to_messages(
    record: dict,
    frames: Sequence[Image.Image] | None,
    with_completion: bool = False,
    replies: Sequence[str] | None = None,
) -> list[dict]:
    """Turn a row into chat messages; the frames are shown once, with the first question.

    Args:
        record: A row of the dataset, a turn of a conversation from `turns_of`, which is asked after those before it,
            or a row of general data, see `general_messages`.
        frames: What `FrameStore.frames` returned for it, or None to withhold the video; general data has its own.
        with_completion: Append the assistant's reply, and all further turns of a conversation with theirs, for
            training; of general data, keep the last reply.
        replies: What the assistant said to the turns before this one; None for what it should have said.

    Returns:
        Messages in the form that `processor.apply_chat_template` takes; a video is one content part.

    Raises:
        RowError: if a picture of general data cannot be decoded.
        InputError: if general data has other visuals than its messages have places for.
    """
    if "messages" in record:
        messages = general_messages(record)
        return messages if with_completion or messages[-1]["role"] != "assistant" else messages[:-1]
    earlier = list(record.get("earlier") or ())
    spoken = list(zip(earlier, map(completion_text, earlier) if replies is None else replies, strict=True))
    if with_completion:
        spoken += [(turn, completion_text(turn)) for turn in (record, *(record.get("turns") or ()))]
    messages = [
        message
        for turn, reply in spoken
        for message in (_message("user", prompt_text(turn)), _message("assistant", reply))
    ]
    if not with_completion:
        messages.append(_message("user", prompt_text(record)))
    if frames:
        messages[0]["content"].insert(0, {"type": "video", "video": list(frames)})
    return messages


def _message(role: str, text: str) -> dict:
    return {"role": role, "content": [{"type": "text", "text": text}]}


def select_frames(available: int, wanted: int, required: Iterable[int] = ()) -> list[int]:
    """Choose frame indices evenly, first and last included; a required one takes the place of its nearest neighbour.

    >>> select_frames(8, 4), select_frames(8, 4, required=[3])
    ([0, 2, 5, 7], [0, 3, 5, 7])
    """
    wanted = min(wanted, available)
    chosen = [int(round(index)) for index in np.linspace(0, available - 1, wanted)]
    required = sorted(set(required))
    if len(required) > wanted or any(not 0 <= index < available for index in required):
        raise ValueError(f"cannot keep frames {required} among {wanted} of {available}; ask for more frames")
    for index in required:
        free = [place for place, other in enumerate(chosen) if other not in required or other == index]
        chosen[min(free, key=lambda place: abs(chosen[place] - index))] = index
    return sorted(chosen)


def draw_regions(image: Image.Image, regions: Iterable[dict]) -> Image.Image:
    """Draw marks on a copy of a frame, sized to stay visible.

    A point is a filled disc, a box an outline, a mask a tint with an outline (Set-of-mark), a path a line that begins
    with a disc and ends with an arrow head.
    """
    marked = image.convert("RGB")
    pen = ImageDraw.Draw(marked)
    unit = max(2, round(min(marked.size) / 28))
    for region in regions:
        colour = REGION_COLOURS[region["colour"]]
        if region["kind"] == "point":
            x, y = region["point"]
            pen.ellipse((x - unit, y - unit, x + unit, y + unit), fill=colour, outline=(255, 255, 255))
        elif region["kind"] == "bbox":
            pen.rectangle(tuple(region["bbox"]), outline=colour, width=max(1, unit // 2))
        elif region["kind"] == "mask":
            _tint(marked, decode_mask(region["mask"]), colour, max(1, unit // 2))
        else:
            _arrow(pen, [tuple(point) for point in region["path"]], colour, unit)
    return marked


def _tint(image: Image.Image, mask: np.ndarray, colour: tuple[int, int, int], width: int) -> None:
    inside = Image.fromarray(mask)
    image.paste(Image.blend(image, Image.new("RGB", image.size, colour), 0.4), mask=inside)
    rim = mask & ~ndimage.binary_erosion(mask, iterations=width)
    image.paste(colour, mask=Image.fromarray(rim))


def _arrow(pen: ImageDraw.ImageDraw, path: list[tuple[float, float]], colour: tuple[int, int, int], unit: int) -> None:
    pen.line(path, fill=colour, width=max(2, unit // 2), joint="curve")
    x, y = path[0]
    pen.ellipse((x - unit, y - unit, x + unit, y + unit), fill=colour, outline=(255, 255, 255))
    tip = np.array(path[-1])
    ahead = tip - path[-2]
    ahead = ahead / max(float(np.hypot(*ahead)), 1e-6)
    aside = np.array([-ahead[1], ahead[0]])
    head = [tip + unit * ahead, tip - unit * ahead + unit * aside, tip - unit * ahead - unit * aside]
    pen.polygon([tuple(corner) for corner in head], fill=colour, outline=(255, 255, 255))


class FrameStore:
    """The frames of a dataset folder, by scene, with the marks of a question drawn on them.

    A frame is decoded once and kept as long as the budget allows; those used longest ago go first.
    """

    def __init__(self, data_dir: str, split: str, num_frames: int, cache_bytes: int = 2**30):
        """Open the `scenes` config of `data_dir`.

        Args:
            data_dir: A folder that `python -m dataset_builders build` wrote, or its Hub id.
            split: The split of the questions.
            num_frames: Frames per question.
            cache_bytes: Bytes of decoded frames that are kept, 3 a pixel.
        """
        scenes = load_dataset(data_dir, "scenes", split=split).select_columns(["scene_id", "frames"])
        self._rows = {scene_id: row for row, scene_id in enumerate(scenes["scene_id"])}
        # As they are stored: the library would decode all frames of a scene, and to tell their size, too.
        self._scenes = scenes.with_format("arrow")
        self._num_frames, self._cache_bytes, self.cached_bytes = num_frames, cache_bytes, 0
        self._cache: OrderedDict[tuple[str, int], Image.Image] = OrderedDict()
        self._sizes: dict[str, tuple[int, int, int]] = {}

    def frames(self, record: dict) -> list[Image.Image] | None:
        """Return the frames of a question with its regions drawn, or None where its source has no frames.

        Raises:
            RowError: if its scene is missing or one of the frames cannot be decoded.
        """
        if record["video"] is None:
            return None
        chosen = self.indices(record)
        decoded = self._decoded(record["video"], chosen)
        marks = [[region for region in record["regions"] if region["frame_index"] == index] for index in chosen]
        return [draw_regions(frame, own) if own else frame for frame, own in zip(decoded, marks, strict=True)]

    def indices(self, record: dict) -> list[int]:
        """Return which frames of the scene `frames` shows for a question that has any."""
        available = self._size(record["video"])[0]
        try:
            return select_frames(available, self._num_frames, record["key_frames"])
        except ValueError as error:
            raise RowError(record.get("id", record["video"]), "key_frames", str(error), "show more frames") from error

    def size(self, record: dict) -> tuple[int, int, int]:
        """Return how many frames `frames` shows for a question that has any, and their width and height in pixels.

        No frame is decoded for it.
        """
        available, width, height = self._size(record["video"])
        return min(available, self._num_frames), width, height

    def _size(self, scene_id: str) -> tuple[int, int, int]:
        if scene_id not in self._sizes:
            encoded = self._encoded(scene_id)
            if not encoded:
                raise RowError(scene_id, "frames", "has none", "build the scene again")
            self._sizes[scene_id] = (len(encoded), *picture_size(encoded[0], scene_id, "frame 0"))
        return self._sizes[scene_id]

    def _decoded(self, scene_id: str, indices: Sequence[int]) -> list[Image.Image]:
        encoded = None
        for index in indices:
            if (scene_id, index) not in self._cache:
                encoded = encoded or self._encoded(scene_id)
                picture = open_picture(encoded[index], scene_id, f"frame {index}")
                self._cache[scene_id, index] = picture
                self.cached_bytes += _pixel_bytes(picture)
            self._cache.move_to_end((scene_id, index))
        frames = [self._cache[scene_id, index] for index in indices]
        while self.cached_bytes > self._cache_bytes:
            self.cached_bytes -= _pixel_bytes(self._cache.popitem(last=False)[1])
        return frames

    def _encoded(self, scene_id: str) -> list[dict]:
        if scene_id not in self._rows:
            raise RowError(scene_id, "frames", "no such scene in the config scenes", "build the dataset again")
        return self._scenes[self._rows[scene_id]]["frames"][0].as_py()


def _pixel_bytes(picture: Image.Image) -> int:
    return 3 * picture.width * picture.height
