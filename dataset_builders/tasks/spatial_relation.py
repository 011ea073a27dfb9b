"""How are named objects related: what rests on, lies in, hangs from, sticks to or is surrounded by what?

The relations, and when they are too close to call, are those of `contact`; which objects are asked about together is
that of `links`. Where only boxes are known a scene has few relations, and often none that can be crossed.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks import spatial_relation_marked, stacks
from dataset_builders.tasks.contact import find_contacts
from dataset_builders.tasks.draw import in_rounds, shuffled, take_turns
from dataset_builders.tasks.links import PHRASES, Link, alternatives, crossable, crossed, named_links
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.wording import capital, joined, tidy


def generate_holds(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask whether an object is on, in, attached to … another.

    Needs: boxes, metric.
    Rule: yes for a relation of `contact` between two objects, each the only one of its category; no for a thing of one
        relation and the place of another. Every thing and every place comes as often with yes as with no.
    Dropped: what is too close to call (see `contact`); wrong statements of things that are linked to the place through
        other objects.
    Source: SpaceVista, Table B8 (Spatial Relation).
    """
    links = named_links(scene, rng)
    pairs = crossed(rng, crossable(links, find_contacts(scene)))
    for one, other in in_rounds(rng, {"yes": [(one, one) for one, _ in pairs], "no": pairs}):
        thing, said = links[one], links[other]
        finding, is_so = thing.why(f"the {thing.anchor.category}"), one == other
        yield _fact(
            [thing] if is_so else [thing, said],
            rule="relation.holds",
            answer="yes" if is_so else "no",
            options=("yes", "no"),
            words={
                "a": thing.thing.category,
                "b": said.anchor.category,
                "rel": said.phrase(rng),
                "finding": capital(finding if is_so else f"the {thing.thing.category} is {thing.place()}: {finding}"),
            },
        )


def generate_what(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which object is on, in, attached to … a given one.

    Needs: boxes, metric.
    Rule: the options are things of different relations; for every set of options each of them is right once.
    Dropped: as in `generate_holds`; places with two things in the same relation.
    Source: SpaceVista, Table B8 (Spatial Relation).
    """
    yield from _choose(scene, rng, "relation.what", lambda link: link.thing.category)


def generate_holder(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which object carries, contains, holds or surrounds a given one.

    Needs: boxes, metric.
    Rule: the options are anchors of different relations; for every set of options each of them is right once.
    Dropped: as in `generate_holds`; things in several relations.
    Source: SpaceVista, Table B8 (Spatial Relation).
    """
    yield from _choose(scene, rng, "relation.holder", lambda link: link.anchor.category)


def generate_where(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask how, and to which of several objects, a given one is related.

    Needs: boxes, metric.
    Rule: the options are places of different relations, such as "inside the basket"; for every set of options each of
        them is right once.
    Dropped: as in `generate_holder`.
    Source: SpaceVista, Table B8 (Spatial Relation).
    """
    yield from _choose(scene, rng, "relation.where", Link.place)


def _choose(scene: Scene, rng: np.random.Generator, rule: str, option: Callable[[Link], str]) -> Iterator[Fact]:
    """Ask about each of several links in turn; they are the options, each in the words that `option` finds for it."""
    contacts, links = find_contacts(scene), named_links(scene, rng)
    held = [(one.kind, one.anchor) for one in contacts.found]
    # Where two would be the same option, one of them is asked about.
    by_option = {option(link): link for link in links if held.count((link.kind, link.contact.anchor)) == 1}
    links = list(by_option.values())
    sets = ([links[index] for index in chosen] for chosen in alternatives(rng, crossable(links, contacts)))
    yield from take_turns(_each(chosen, rng, rule, option) for chosen in sets)


def _each(links: Sequence[Link], rng: np.random.Generator, rule: str, option: Callable[[Link], str]) -> Iterator[Fact]:
    for link in shuffled(rng, links):
        options = tuple(shuffled(rng, map(option, links)))
        words = {
            "a": link.thing.category,
            "b": link.anchor.category,
            # The plainest phrase alone: a higher one of a stack is on top of the lowest as well.
            "rel": PHRASES[link.kind][0],
            "choice": joined(options, "or"),
            "finding": link.why(f"the {link.anchor.category}"),
        }
        yield _fact([link], rule=rule, answer=option(link), options=options, words=words)


def _fact(links: Sequence[Link], **fields) -> Fact:
    relations = [[link.thing.category, link.kind, link.anchor.category] for link in links]
    return Fact(
        task="spatial_relation",
        answer_type="multiple_choice",
        prompt_type="text",
        open_ended=True,
        semantics=tuple(dict.fromkeys(name for first, _, second in relations for name in (first, second))),
        measured={"relations": relations},
        margins={"contact_m": tidy(min(link.contact.spare for link in links))},
        **fields,
    )


NEEDS = frozenset({"boxes", "metric"})
RULES = (
    Rule("relation.holds", "spatial_relation", NEEDS, ALL_SCALES, generate_holds),
    Rule("relation.what", "spatial_relation", NEEDS, ALL_SCALES, generate_what),
    Rule("relation.where", "spatial_relation", NEEDS, ALL_SCALES, generate_where),
    Rule("relation.holder", "spatial_relation", NEEDS, ALL_SCALES, generate_holder),
    *spatial_relation_marked.RULES,
    *stacks.RULES,
)
