"""From the terms that rows state to the licence identifiers that the Hub knows."""

import re
from collections.abc import Iterable

# https://huggingface.co/docs/hub/repositories-licenses, those that sources of spatial data use.
HUB_LICENSES = {
    "apache-2.0",
    "bsd-2-clause",
    "bsd-3-clause",
    "cc-by-4.0",
    "cc-by-nc-4.0",
    "cc-by-nc-nd-4.0",
    "cc-by-nc-sa-4.0",
    "cc-by-sa-4.0",
    "cc0-1.0",
    "mit",
}


def license_metadata(terms: Iterable[str]) -> dict:
    """Return the YAML fields that state these terms; unknown ones are `other`, with a name and a pointer to the card.

    >>> license_metadata(["Apache-2.0"])
    {'license': 'apache-2.0'}
    >>> license_metadata(["MIT", "CC-BY-4.0"])
    {'license': ['cc-by-4.0', 'mit']}
    >>> license_metadata(["ScanNet Terms of Use"])
    {'license': 'other', 'license_name': 'scannet-terms-of-use', 'license_link': 'README.md'}
    """
    known = {text: text.lower() for text in set(terms) if text.lower() in HUB_LICENSES}
    unknown = sorted(set(terms) - set(known))
    if not unknown:
        identifiers = sorted(set(known.values()))
        return {"license": identifiers if len(identifiers) > 1 else identifiers[0]}
    if known or len(unknown) > 1:
        name = "mixed"
    else:
        name = re.sub(r"[^a-z0-9]+", "-", unknown[0].lower())[:64].strip("-")
    return {"license": "other", "license_name": name, "license_link": "README.md"}
