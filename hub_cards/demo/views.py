"""What the page shows, as HTML: every text of a model, a dataset or a visitor is escaped."""

import base64
import io
import json
from functools import cache
from importlib.resources import files

import torch
from jinja2 import ChoiceLoader, Environment, PackageLoader
from PIL import Image

from dataset_builders.inspection import site
from evaluate_metrics.parsing import extract_answer
from evaluate_metrics.scoring import score
from hub_cards.demo.clip import Seen
from hub_cards.demo.model import Reply
from hub_cards.demo.reply import TITLES, split_reply
from hub_cards.demo.samples import Sample
from modeling_spacevista import plot_gates


def static_text(name: str) -> str:
    """Return a file of `static/`."""
    return (files("hub_cards.demo") / "static" / name).read_text(encoding="utf-8")


def picture_uri(image: Image.Image, kind: str = "JPEG") -> str:
    """Encode a picture as a data URI."""
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=85)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def show_notice(text: str) -> str:
    """Say what is wrong, in one line; nothing where the text is empty."""
    return _render("notice", text=text)


def show_reply(reply: Reply, is_writing: bool) -> str:
    """Show the answer and the parts that lead to it.

    Args:
        reply: So far.
        is_writing: Whether more is to come.
    """
    parts = split_reply(reply.text)
    answer = parts.get("answer", "") if is_writing else extract_answer(reply.text)
    return _render(
        "reply", parts=parts, titles=TITLES, text=reply.text, answer=answer, cut=reply.cut, is_writing=is_writing
    )


def show_seen(seen: list[Seen], prompt: str) -> str:
    """Show the frames as the model got them, and the words."""
    frames = [{"index": one.index, "is_marked": one.is_marked, "uri": picture_uri(one.image)} for one in seen]
    return _render("seen", frames=frames, prompt=prompt)


def show_gates(gates: torch.Tensor | None, expert_scales: list[str]) -> str:
    """Draw the gates (N, 1, T, E) per layer; nothing where there are none."""
    if gates is None:
        return ""
    buffer = io.BytesIO()
    plot_gates(gates, [name.replace("_", " ") for name in expert_scales]).savefig(buffer, format="png", dpi=144)
    uri = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    means = zip(expert_scales, gates.mean((0, 1, 2)).tolist(), strict=True)
    summary = ", ".join(f"{name.replace('_', ' ')} {mean:.0%}" for name, mean in means)
    return _render("gates", uri=uri, summary=summary)


def show_truth(sample: Sample, question: dict | None, completion: str) -> str:
    """Show the scene from above and, where the question is one of the dataset's, what was computed.

    Args:
        sample: The scene.
        question: Row of the dataset that was asked as it is, else None.
        completion: What the model wrote.
    """
    asked, measured, truth, verdict = (), {}, "", ""
    if question is not None:
        asked = tuple(question["anchors"]["semantics"])
        found = json.loads(question["provenance"]).get("measured", {})
        measured = {name: _measured(value) for name, value in found.items()}
        truth = _truth(question)
        verdict = _verdict(score(question, completion).value)
    return _render(
        "truth", sample=sample, question=question, asked=asked, measured=measured, truth=truth, verdict=verdict
    )


def _measured(value) -> str:
    """Write a measured value in four digits.

    >>> _measured([0.095192, 2.0]), _measured("longest")
    ('0.09519, 2', 'longest')
    """
    if isinstance(value, list):
        return ", ".join(map(_measured, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _truth(question: dict) -> str:
    """Write the answer in words: an option with its letter, a number with its unit.

    >>> _truth({"options": ["cup", "bowl"], "answer": "B", "unit": ""})
    'B. bowl'
    >>> _truth({"options": [], "answer": "1.5", "unit": "m"})
    '1.5 m'
    """
    if question["options"]:
        return f"{question['answer']}. {question['options'][ord(question['answer']) - ord('A')]}"
    return f"{question['answer']} {question['unit']}".strip()


def _verdict(value: float) -> str:
    """Say what a score from 0 to 1 means.

    >>> _verdict(1.0), _verdict(0.4), _verdict(0.0)
    ('right', '40 % of the score', 'wrong')
    """
    return {1.0: "right", 0.0: "wrong"}.get(value, f"{value:.0%} of the score".replace("%", " %"))


def _render(template: str, **values) -> str:
    return _environment().get_template(f"{template}.html.jinja").render(**values)


@cache
def _environment() -> Environment:
    """Return the templates of the page; filters and the top view are those of `python -m dataset_builders inspect`."""
    base = site.environment()
    return base.overlay(loader=ChoiceLoader([PackageLoader("hub_cards.demo"), base.loader]))
