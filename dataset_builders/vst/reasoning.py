"""What I see in one or two images and how it lies, in the sentences that begin a rationale (VST, tables 19, 34, 35).

They are computed from boxes, masks and cameras. As the tables ask, they are in the first person and hold no numbers,
no names of axes and no word of a picture from above or of a given answer. How the camera moved between the images is
not told: that is for the reasoning to find.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from zlib import crc32

import numpy as np

from dataset_builders.birds_eye import turn_ahead
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.tasks.wording import capital, joined
from dataset_builders.vst.glimpses import Glimpse, Picture
from dataset_builders.vst.layouts import sides

FEW = 3
"""Things of each image that are told, where the question is about fewer."""
THIRDS = ("on the left", "in the middle", "on the right")
CLEARLY = 1.25
"""How many times as deep the next thing must be for one to be the nearest or the farthest."""
FIRST = (
    "In the {image} I see {things}.",
    "The {image} shows me {things}.",
    "Looking at the {image}, I find {things}.",
)
AGAIN = (
    "In the second image I see {things} again.",
    "The second image still shows {things}.",
    "Turning to the second image, I recognise {things}.",
)
NEW = ("New to it: {things}.", "It adds {things}.", "Besides, it brings in {things}.")
TIES = (
    "{things} can be seen in both images, so they show the same place.",
    "Both images have {things} in common, which ties them together.",
    "Since I see {things} in both images, I can put them together.",
)


def described(scene: Scene, frames: Sequence[int], objects: Sequence[int]) -> dict[str, str]:
    """Describe images and how the things in them lie to each other.

    The same arguments always give the same words. A thing that shares its category with another one that the images
    show is called "a chair" or "another chair", not "the chair".

    Args:
        scene: With boxes; frames with masks or boxes tell best what is where.
        frames: Indices of one or two images, which are called the image, or the first and the second one.
        objects: Ids of what the question is about, which is always mentioned.

    Returns:
        `views`: what I see in each image, on the left, in the middle and on the right; what is near and far; what the
        second one shows again, adds and lacks. `layout`: how things lie to one of them, as seen from where the first
        image was taken.

    Raises:
        ValueError: if there are no frames or more than two, or no object of an id.

    >>> described(Scene("yard", "test", "CC0-1.0", "outdoor"), [0], [7])
    Traceback (most recent call last):
    ValueError: objects must be ids of the scene's objects, got 7, which is none of []
    """
    known = {item.instance_id: item for item in scene.objects}
    if unknown := [one for one in objects if one not in known]:
        problem = f"got {unknown[0]}, which is none of {list(known)}"
        raise ValueError(f"objects must be ids of the scene's objects, {problem}")
    if not 1 <= len(frames) <= 2:
        raise ValueError(f"frames must be one or two indices, got {list(frames)}")
    pictures = [Picture.of(scene, index) for index in frames]
    chosen = _chosen(scene, pictures, objects)
    names = _names(scene, pictures, [known[one] for one in chosen])
    variant = crc32(f"{scene.scene_id} {[*map(int, frames)]} {[*map(int, objects)]}".encode())
    views = [_first_view(pictures[0], names, "image" if len(frames) == 1 else "first image", variant)]
    views += [_second_view(*pictures, names, variant // 3)] if len(frames) == 2 else []
    turn = turn_ahead(scene.frames[frames[0]].camera)
    return {"views": " ".join(views), "layout": _layout(pictures, known, names, turn, variant // 9)}


def _chosen(scene: Scene, pictures: Sequence[Picture], objects: Sequence[int]) -> list[int]:
    """Choose what to tell: what is asked about, a thing that ties the images together, and what is large in each."""
    alone = {group[0].instance_id for group in scene.by_category().values() if len(group) == 1}
    chosen = list(dict.fromkeys(objects))

    def rank(one: int) -> tuple:
        seen = [picture.shown[one] for picture in pictures if one in picture.shown]
        return one not in alone, -len(seen), -max(glimpse.area for glimpse in seen), one

    shared = set.intersection(*(set(picture.shown) for picture in pictures))
    if not shared.intersection(chosen):
        chosen += sorted(shared, key=rank)[:1]
    for picture in pictures:
        others = sorted(alone.intersection(picture.shown).difference(chosen), key=rank)
        chosen += others[: max(0, FEW - sum(one in picture.shown for one in chosen))]
    return chosen


def _names(scene: Scene, pictures: Sequence[Picture], items: Sequence[SceneObject]) -> dict[int, str]:
    """Return id → how a sentence calls it."""
    present = {item.instance_id for item in items}.union(*(picture.traces for picture in pictures))
    same = [item.category for item in scene.objects if item.instance_id in present]
    alone = {item.category for item in items if scene.complete and same.count(item.category) == 1}
    names, named = {}, Counter()
    for item in sorted(items, key=lambda item: [_column(picture, item.instance_id) for picture in pictures]):
        one = "the" if item.category in alone else "an" if item.category[0] in "aeiou" else "a"
        names[item.instance_id] = f"{(one, 'another', 'a further')[min(named[item.category], 2)]} {item.category}"
        named[item.category] += 1
    return {item.instance_id: names[item.instance_id] for item in items}


def _column(picture: Picture, one: int) -> float:
    return picture.shown[one].column if one in picture.shown else np.inf


def _first_view(picture: Picture, names: Mapping[int, str], image: str, variant: int) -> str:
    told = [one for one in names if one in picture.shown]
    if not told:
        return f"In the {image} I can make out nothing that I could name."
    view = FIRST[variant % len(FIRST)].format(image=image, things=_placed(told, picture, names))
    return " ".join([view, *_near_and_far(told, picture, names)])


def _placed(ids: Sequence[int], picture: Picture, names: Mapping[int, str]) -> str:
    """List things by where an image shows them."""
    thirds: dict[str, list[str]] = {}
    for one in sorted(ids, key=lambda one: (picture.shown[one].column, one)):
        place = THIRDS[min(2, int(3 * picture.shown[one].column))]
        thirds.setdefault(place, []).append(names[one])
    return joined([f"{joined(group, 'and')} {place}" for place, group in thirds.items()], "and")


def _near_and_far(ids: Sequence[int], picture: Picture, names: Mapping[int, str]) -> list[str]:
    """Tell what is nearest and farthest where both centers and surfaces say so clearly."""
    seen, parts = picture.shown, []
    for sign, word in ((1, "closest to me"), (-1, "farthest away")):
        best, *others = sorted(ids, key=lambda one: (sign * seen[one].depth, one))
        if others and all(_clearly(seen[best], seen[other], sign) for other in others):
            parts.append(f"{names[best]} is {word}")
    return [f"Of these, {joined(parts, 'and')}."] if parts else []


def _clearly(one: Glimpse, other: Glimpse, sign: int) -> bool:
    near, far = (one, other) if sign > 0 else (other, one)
    known = not np.isnan(near.surface + far.surface)
    return 0 < CLEARLY * near.depth < far.depth and (not known or CLEARLY * near.surface < far.surface)


def _second_view(first: Picture, second: Picture, names: Mapping[int, str], variant: int) -> str:
    told = [one for one in names if one in second.shown]
    again = [one for one in told if one in first.shown]
    new = [one for one in told if one not in first.traces]
    also = [one for one in told if one not in first.shown and one in first.traces]
    gone = [names[one] for one in names if one in first.shown and one not in second.traces]
    sentences = []
    if not told:
        return "In the second image I can make out nothing that I could name."
    sentences = []
    if again:
        sentences.append(AGAIN[variant % len(AGAIN)].format(things=_placed(again, second, names)))
    if new and again:
        sentences.append(NEW[variant % len(NEW)].format(things=_placed(new, second, names)))
    elif new:
        sentences.append(f"The second image shows something else: {_placed(new, second, names)}.")
    if also:
        sentences.append(f"In the second image I also find {_placed(also, second, names)}.")
    if gone:
        sentences.append(f"I no longer find {joined(gone, 'or')} there.")
    return " ".join(sentences)


def _layout(
    pictures: Sequence[Picture],
    known: Mapping[int, SceneObject],
    names: Mapping[int, str],
    turn: np.ndarray,
    variant: int,
) -> str:
    shared = [one for one in names if all(one in picture.shown for picture in pictures)]
    sentences = []
    if len(pictures) == 2 and shared:
        things = joined([names[one] for one in shared], "and")
        sentences.append(capital(TIES[variant % len(TIES)].format(things=things)))
    anchor, others = next(iter(shared or names), None), []
    for one in names:
        if one != anchor:
            seen = tuple(map(pictures[0].shown.get, (one, anchor)))
            others.append(_relation(names[one], names[anchor], sides(known[one], known[anchor], turn, seen)))
    if others:
        start = "From where the first image was taken" if len(pictures) == 2 else "From where I look"
        sentences.append(f"{start}, {'; '.join(others)}.")
    things = joined(names.values(), "and") if names else "the place itself"
    return " ".join(sentences) or f"What matters here is {things}."


def _relation(name: str, other: str, phrases: Sequence[str]) -> str:
    """Say it.

    >>> _relation("the lamp", "the bed", ["to the left of", "behind"])
    'the lamp is to the left of the bed and behind it'
    """
    first, *more = phrases
    return " and ".join([f"{name} is {first} {other}", *(f"{phrase} it" for phrase in more)])
