"""How well a text that was read off a picture matches the right one."""

from rapidfuzz.distance import Levenshtein

from trl_recipes.rewards.claims import stands_alone

THRESHOLD = 0.5
# Characters; what goes on longer is not read.
MAX_TEXT = 2_000


def anls(text: str, reference: str) -> float:
    """Return 1 - d, where d is the edit distance over the length of the longer text, and 0 from d = 0.5 on.

    Average normalised Levenshtein similarity (Biten et al. 2019, "Scene text visual question answering", Eq. 1), case
    and outer spaces aside: the distance is subtracted, so that a better reading scores higher.

    >>> anls("COFFEE", "coffee"), anls("cofee", "coffee"), anls("tea", "coffee")
    (1.0, 0.8333333333333334, 0.0)
    """
    if len(text) > MAX_TEXT or not stands_alone(text):
        return 0.0
    said, right = (" ".join(one.casefold().split()) for one in (text, reference))
    similarity = Levenshtein.normalized_similarity(said, right)
    return similarity if similarity > THRESHOLD else 0.0
