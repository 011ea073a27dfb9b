"""What a teacher is told to write, in our words, with the requirements of VST's tables 19, 34 and 35."""

import json
from collections.abc import Mapping

from dataset_builders.rewriting.prompt import answer_text
from dataset_builders.teaching.sights import Sight

MAX_REPLY_TOKENS = 4096
SYSTEM = """You teach how to see the answer to a question about {about} of one place. For your own orientation alone \
you also get a drawing of the place from above, and JSON with the question, its answer, how that was found, the \
cameras and the objects. Positions are in metres from the first camera: [to the right, down, ahead]. Sizes are \
[width, height, depth].
Reply with one JSON object {{"question": "...", "thought": "...", "answer": "..."}} and nothing else.
question: the same question in other, natural words. Keep every number, object name, colour, direction, unit and \
choice, as often and in the same order as in the original. It must not hint at the answer.
thought: how I come to the answer, in English, in the first person, step by step, as one text of four parts:
1. {first}
2. {second}
3. How the place is laid out, which has to agree with the drawing, and from it the reasoning, step by step.
4. The conclusion. Its last sentence ends with exactly the text of "answer", followed by a full stop.
answer: exactly the text of "answer".
{motion}Write as somebody who has only {images} and the question. Never mention the drawing, a view from above, the \
JSON, its table, positions or sizes, nor that an answer was given. No numbers but those of the answer, no \
calculations, no coordinates, no axes. Do not speak of the coloured shapes and dots of the drawing. Plain text: no \
markup, no lists, no headings."""
ONE = {
    "about": "an image",
    "images": "the image",
    "first": "What I see in the image: the things, where in it they are, what they look like.",
    "second": "What is near and what is far, and what lies beside, in front of and behind what.",
}
TWO = {
    "about": "two images",
    "images": "the two images",
    "first": "What I see in the first image: the things, where in it they are, what they look like.",
    "second": "What I see in the second image: what it shows again and where that is now, what is new and what is "
    "gone, and, where that can be seen, how the view has turned and moved.",
}
SEVERAL = {
    "about": "frames of a video",
    "images": "the frames",
    "first": "What I see in the first frames: the things, where in them they are, what they look like.",
    "second": "What the later frames show again, what they add, and how the view has turned and moved.",
}
MOTION = {
    "vst.camera_rotation": """A camera that turns takes the whole picture the other way, far things as well as near \
ones: panning to the right takes it to the left, tilting up takes it down, rolling clockwise turns it \
counter-clockwise. Reason from where the things of the first image are in the second, and from what has come in at \
one edge and left at the other.
""",
    "vst.camera_translation": """Reason by parallax: near things shift against what is far behind them, to the left \
when the camera moves to the right, down when it moves up; they look larger and go outward from the middle when it \
moves ahead, smaller and inward when it moves back, near ones most. Say how large things look, since their real size \
does not change.
""",
}
"""Rule → how a motion is to be seen (tables 34 and 35)."""


def system_text(num_images: int, rule: str) -> str:
    """Return the instructions for a question of a rule about so many images.

    >>> ["parallax" in system_text(2, rule) for rule in ("vst.object_direction", "vst.camera_translation")]
    [False, True]
    """
    return SYSTEM.format(**{1: ONE, 2: TWO}.get(num_images, SEVERAL), motion=MOTION.get(rule, ""))


def chat_request(row: Mapping, sight: Sight, model: str) -> dict:
    """Return the body of the request: it alone decides the reply, as far as the server allows.

    Args:
        row: Of the `questions` config.
        sight: What its question is about.
        model: Name on the server.
    """
    facts = {
        "question": row["question"],
        "options": row["options"],
        "answer": answer_text(row),
        "found": row["rationale"],
        "cameras": sight.cameras,
        "objects": sight.objects,
    }
    names = ["The image"] if len(sight.images) == 1 else [f"{name} image" for name in ("The first", "The second")]
    names = names if len(sight.images) <= 2 else [f"Frame {place}" for place in range(1, len(sight.images) + 1)]
    shown = zip([*names, "The place from above"], [*sight.images, sight.from_above], strict=True)
    parts = [part for name, address in shown for part in (_text(f"{name}:"), _image(address))]
    rule = json.loads(row["provenance"])["rule"]
    return {
        "model": model,
        "messages": [
            {"role": "system", "content": system_text(len(sight.images), rule)},
            {"role": "user", "content": [*parts, _text(json.dumps(facts, ensure_ascii=False, sort_keys=True))]},
        ],
        "temperature": 0,
        "seed": 0,
        "max_tokens": MAX_REPLY_TOKENS,
    }


def _text(text: str) -> dict:
    return {"type": "text", "text": text}


def _image(address: str) -> dict:
    return {"type": "image_url", "image_url": {"url": address}}
