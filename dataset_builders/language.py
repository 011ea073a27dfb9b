"""Facts → words: the templates of `templates/<task>.yaml`, expanded, chosen and filled.

A file holds one entry per wording: `questions` and `rationales`, lists of small grammars, and an `example` with a
value for every slot. In a grammar `(a|b|)` stands for one of its alternatives, which can be nested, and `{slot}` for
a word of the fact. `{answer}` is the answer with its unit.
"""

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import yaml

from dataset_builders.question import Fact, Question

TEMPLATES = Path(__file__).with_name("templates")
VST_TEMPLATES = Path(__file__).parent / "vst" / "templates"
# The safe loader in C, where PyYAML has it, reads all templates in a tenth of a second instead of one.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# An alternative that is empty leaves a space before what follows it.
_SPACE_BEFORE = re.compile(r" ([,.;:?!])")
_INNERMOST = re.compile(r"\(([^()]*\|[^()]*)\)")


@dataclass(frozen=True)
class Wording:
    """The templates of one way to ask.

    Attributes:
        name: That of the rule, or one more specific.
        task: One of `TASK_NAMES`.
        example: Slot → word, to show the templates with.
        questions: Distinct templates, the plainest first.
        rationales: Distinct templates, each ending in the answer.
    """

    name: str
    task: str
    example: Mapping[str, str]
    questions: tuple[str, ...]
    rationales: tuple[str, ...]


def expand(grammar: str) -> list[str]:
    """List the templates of a grammar, the first alternatives first.

    >>> expand("(How far|At what distance) is it( from me|)?")[:3]
    ['How far is it from me?', 'How far is it?', 'At what distance is it from me?']
    """
    choices: list[list[str]] = []

    def number(match: re.Match) -> str:
        choices.append(match.group(1).split("|"))
        return f"\0{len(choices) - 1}\1"

    while _INNERMOST.search(grammar):
        grammar = _INNERMOST.sub(number, grammar)
    return [_SPACE_BEFORE.sub(r"\1", " ".join(text.split())) for text in _fill(grammar, choices)]


def _fill(text: str, choices: list[list[str]]) -> list[str]:
    pieces = re.split("\0([0-9]+)\1", text)
    fixed = [[piece] for piece in pieces]
    for place in range(1, len(pieces), 2):
        fixed[place] = [one for option in choices[int(pieces[place])] for one in _fill(option, choices)]
    return ["".join(parts) for parts in product(*fixed)]


@cache
def wordings(folder: Path = TEMPLATES) -> dict[str, Wording]:
    """Read all templates of a folder: name of the wording → its templates."""
    found = {}
    for path in sorted(folder.glob("*.yaml")):
        for name, entry in yaml.load(path.read_text(encoding="utf-8"), _LOADER).items():
            questions, rationales = (
                tuple(dict.fromkeys(text for grammar in entry[part] for text in expand(grammar)))
                for part in ("questions", "rationales")
            )
            found[name] = Wording(name, path.stem, entry.get("example", {}), questions, rationales)
    return found


def say(fact: Fact, rng: np.random.Generator, taken: Container[str] = (), most: int | None = None) -> Question | None:
    """Put a fact in words, with all that follows it in a conversation.

    Args:
        fact: What to ask about.
        rng: Chooses the templates.
        taken: Transcripts that must not come again.
        most: Only the first so many templates for questions; None for all.

    Returns:
        The question, or None if every template gives a transcript that is taken, or turns in the same words.
    """
    then: list[Question] = []
    for one in fact.then:
        texts = {question.text for question in then}
        following = next((turn for turn in _ways_to_say(one, rng, most) if turn.text not in texts), None)
        if following is None:
            return None
        then.append(following)
    for question in _ways_to_say(fact, rng, most):
        question = replace(question, then=tuple(then))
        if question.transcript not in taken and all(question.text != turn.text for turn in then):
            return question
    return None


def _ways_to_say(fact: Fact, rng: np.random.Generator, most: int | None) -> Iterator[Question]:
    """Yield a fact in the words of every template, from one drawn at random on, with one rationale."""
    name = fact.wording or fact.rule
    wording = (wordings(VST_TEMPLATES) if name.startswith("vst.") else wordings())[name]
    templates = wording.questions[:most]
    start = int(rng.integers(len(templates)))
    rationale = wording.rationales[int(rng.integers(len(wording.rationales)))]
    spoken = rationale.format_map({**fact.words, "answer": f"{fact.answer} {fact.unit}".strip()})
    for step in range(len(templates)):
        index = (start + step) % len(templates)
        yield Question(fact, templates[index].format_map(fact.words), spoken, f"{wording.name}/{index}")
