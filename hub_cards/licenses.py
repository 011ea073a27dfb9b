"""Terms of use: what they allow, the strictest of a mixture, and the licence identifiers that the Hub knows.

A row states its terms in words of its source. `read_terms` finds what they ask for; where they are unknown, nothing is
allowed. Table B9 of the paper (section B.4.3) lists the sources of SpaceVista with theirs.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

# Obligations. Words are those of the licences.
ATTRIBUTION, SHARE_ALIKE, NON_COMMERCIAL = "attribution", "share-alike", "non-commercial"
NO_DERIVATIVES, NO_REDISTRIBUTION = "no derivatives", "no redistribution"

# https://huggingface.co/docs/hub/repositories-licenses, those that sources of spatial data and their models use.
HUB_LICENSES = {
    "cc0-1.0": frozenset(),
    "apache-2.0": frozenset({ATTRIBUTION}),
    "bsd-2-clause": frozenset({ATTRIBUTION}),
    "bsd-3-clause": frozenset({ATTRIBUTION}),
    "mit": frozenset({ATTRIBUTION}),
    "cc-by-2.0": frozenset({ATTRIBUTION}),
    "cc-by-3.0": frozenset({ATTRIBUTION}),
    "cc-by-4.0": frozenset({ATTRIBUTION}),
    "cc-by-sa-3.0": frozenset({ATTRIBUTION, SHARE_ALIKE}),
    "cc-by-sa-4.0": frozenset({ATTRIBUTION, SHARE_ALIKE}),
    "cc-by-nc-2.0": frozenset({ATTRIBUTION, NON_COMMERCIAL}),
    "cc-by-nc-3.0": frozenset({ATTRIBUTION, NON_COMMERCIAL}),
    "cc-by-nc-4.0": frozenset({ATTRIBUTION, NON_COMMERCIAL}),
    "cc-by-nc-sa-2.0": frozenset({ATTRIBUTION, NON_COMMERCIAL, SHARE_ALIKE}),
    "cc-by-nc-sa-3.0": frozenset({ATTRIBUTION, NON_COMMERCIAL, SHARE_ALIKE}),
    "cc-by-nc-sa-4.0": frozenset({ATTRIBUTION, NON_COMMERCIAL, SHARE_ALIKE}),
    "cc-by-nd-4.0": frozenset({ATTRIBUTION, NO_DERIVATIVES}),
    "cc-by-nc-nd-4.0": frozenset({ATTRIBUTION, NON_COMMERCIAL, NO_DERIVATIVES}),
}
LONG_NAMES = {"apache license 2.0": "apache-2.0"}


@dataclass(frozen=True)
class Source:
    """A line of Table B9, or a source that `dataset_builders` reads.

    Attributes:
        name: As people write it.
        words: What its terms call it, lower case.
        terms: Its licence, in the words of Table B9 where it has a line there.
        url: Where its terms and its data are.
        redistributable: Whether its frames may be handed on.
    """

    name: str
    words: tuple[str, ...]
    terms: str
    url: str
    redistributable: bool


_HUB = "https://huggingface.co/datasets"
SOURCES = (
    Source(
        "ScanNet++",
        ("scannet++", "scannetpp"),
        "ScanNet++ Terms of Use",
        "https://kaldir.vc.in.tum.de/scannetpp",
        False,
    ),
    Source("ScanNet", ("scannet",), "ScanNet Terms of Use", "https://www.scan-net.org", False),
    Source("DL3DV", ("dl3dv",), "DL3DV-10K Terms of Use", "https://dl3dv-10k.github.io/DL3DV-10K", False),
    Source("ARKitScenes", ("arkitscenes",), "ARKitScenes Terms of Use", "https://github.com/apple/ARKitScenes", False),
    Source("SUN RGB-D", ("sun rgb-d", "sunrgbd"), "academic use only", "https://rgbd.cs.princeton.edu", False),
    Source("SMOT", ("smot",), "Unknown", "https://www.acin.tuwien.ac.at", False),
    Source("WildRGBD", ("wildrgbd",), "None", "https://wildrgbd.github.io", False),
    Source("uCO3D", ("uco3d",), "CC BY 4.0", "https://uco3d.github.io", True),
    Source("SpaceR", ("spacer",), "CC BY-NC 4.0", f"{_HUB}/RUBBISHLIKE/SpaceR-151k", True),
    Source("VSI-Bench", ("vsi-bench",), "Apache License 2.0", f"{_HUB}/nyu-visionx/VSI-Bench", True),
    Source("STI-Bench", ("sti-bench",), "Apache License 2.0", f"{_HUB}/MINT-SJTU/STI-Bench", True),
    Source("MMSI-Bench", ("mmsi-bench",), "CC BY 4.0", f"{_HUB}/RunsenXu/MMSI-Bench", True),
    Source("SPAR-Bench", ("spar-bench",), "Apache License 2.0", f"{_HUB}/jasonzhango/SPAR-Bench", True),
)


@dataclass(frozen=True)
class Terms:
    """What terms of use ask for.

    Attributes:
        text: As rows state them.
        license: Identifier on the Hub of the licence that the text begins with, None where that is no such licence.
        obligations: Some of the obligations above.
        source: Of `SOURCES`, where the text names one that has terms of its own.
    """

    text: str
    license: str | None
    obligations: frozenset[str]
    source: Source | None = None

    @property
    def frames_withheld(self) -> bool:
        """Whether frames must not be published: a resized frame is a derivative of what its source gave out."""
        return bool(self.obligations & {NO_REDISTRIBUTION, NO_DERIVATIVES})

    @property
    def geometry_withheld(self) -> bool:
        """Whether cameras and boxes must not be published either; annotations may have a licence of their own."""
        return self.license is None or NO_DERIVATIVES in self.obligations


def read_terms(text: str, source: str = "") -> Terms:
    """Find what terms ask for; those that are not known, or that name a restricted source, allow no redistribution.

    Args:
        text: The column `license` of a row.
        source: The column `source` of the row, by which imported rows name where a scene is from.

    >>> [read_terms(text).frames_withheld for text in ("CC-BY-4.0", "ScanNet Terms of Use", "unknown")]
    [False, True, True]
    >>> sorted(read_terms("CC-BY-NC-SA-3.0 (KITTI); distributed by mmdetection3d under Apache-2.0").obligations)
    ['attribution', 'non-commercial', 'share-alike']
    """
    named = next((one for one in SOURCES if _names(one, text.lower()) or source.lower() in one.words), None)
    first = re.split(r"[(;,]", text, maxsplit=1)[0].strip().lower()
    known = LONG_NAMES.get(first, re.sub(r"[\s_]+", "-", first))
    known = known if known in HUB_LICENSES else None
    # Annotations under a licence of their own, "derived from" scenes that it does not cover.
    derived = "derived from" in text.lower()
    if known is None or derived or (named and not named.redistributable):
        return Terms(text, known, frozenset({ATTRIBUTION, NON_COMMERCIAL, NO_REDISTRIBUTION}), named)
    return Terms(text, known, HUB_LICENSES[known], named)


def _names(source: Source, text: str) -> bool:
    return any(re.search(rf"(?<![a-z0-9]){re.escape(word)}(?![a-z0-9+])", text) for word in source.words)


def strictest(terms: Iterable[Terms]) -> frozenset[str]:
    """Return what a mixture of terms asks for: everything that any of them does.

    >>> sorted(strictest([read_terms("MIT"), read_terms("CC-BY-NC-4.0"), read_terms("CC0-1.0")]))
    ['attribution', 'non-commercial']
    """
    return frozenset().union(*(one.obligations for one in terms))


def license_metadata(terms: Iterable[str]) -> dict:
    """Return the YAML fields that state the strictest of these terms.

    Where one licence asks for all that the others ask for, it is stated; where several ask for the same, all of them
    are. Terms that the Hub has no identifier for, or a mixture that no single licence covers, are `other`, with a name
    and a pointer to the card, which lists every source.

    >>> license_metadata(["Apache-2.0"])
    {'license': 'apache-2.0'}
    >>> license_metadata(["MIT", "CC-BY-4.0", "CC0-1.0"])
    {'license': ['cc-by-4.0', 'mit']}
    >>> license_metadata(["CC-BY-4.0", "CC-BY-NC-4.0"])
    {'license': 'cc-by-nc-4.0'}
    >>> license_metadata(["ScanNet Terms of Use"])
    {'license': 'other', 'license_name': 'scannet-terms-of-use', 'license_link': 'README.md'}
    """
    found = sorted({read_terms(text) for text in set(terms)}, key=lambda one: one.text)
    everything = strictest(found)
    covering = sorted({one.license for one in found if one.license and one.obligations == everything})
    if covering and NO_REDISTRIBUTION not in everything:
        return {"license": covering if len(covering) > 1 else covering[0]}
    name = "mixed" if len(found) > 1 else re.sub(r"[^a-z0-9]+", "-", found[0].text.lower())[:64].strip("-")
    return {"license": "other", "license_name": name, "license_link": "README.md"}
