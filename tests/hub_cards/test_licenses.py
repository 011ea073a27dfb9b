"""One test per class of licences: what it asks for, whether frames go along, and what a mixture with it states."""

import pytest

from hub_cards.licenses import HUB_LICENSES, SOURCES, license_metadata, read_terms, strictest

OTHER = {"license": "other", "license_name": "mixed", "license_link": "README.md"}


def test_public_domain_asks_for_nothing():
    assert read_terms("CC0-1.0").obligations == frozenset()
    assert not read_terms("CC0-1.0").frames_withheld
    assert license_metadata(["CC0-1.0", "CC-BY-4.0"]) == {"license": "cc-by-4.0"}


@pytest.mark.parametrize("text", ["Apache-2.0", "Apache License 2.0", "MIT", "BSD-3-Clause", "CC-BY-4.0", "CC BY 4.0"])
def test_attribution(text):
    terms = read_terms(text)
    assert terms.obligations == {"attribution"} and not terms.frames_withheld and not terms.geometry_withheld
    assert license_metadata([text, "CC0-1.0"]) == {"license": terms.license}


@pytest.mark.parametrize("text", ["CC-BY-SA-4.0", "CC BY-SA 3.0"])
def test_share_alike(text):
    terms = read_terms(text)
    assert terms.obligations == {"attribution", "share-alike"} and not terms.frames_withheld
    assert license_metadata([text, "MIT"]) == {"license": terms.license}


@pytest.mark.parametrize("text", ["CC-BY-NC-4.0", "CC BY-NC 4.0"])
def test_non_commercial(text):
    terms = read_terms(text)
    assert terms.obligations == {"attribution", "non-commercial"} and not terms.frames_withheld
    assert license_metadata([text, "Apache-2.0", "CC0-1.0"]) == {"license": "cc-by-nc-4.0"}


def test_non_commercial_share_alike_which_is_that_of_kitti():
    terms = read_terms("CC-BY-NC-SA-3.0 (KITTI); distributed by mmdetection3d under Apache-2.0")
    assert terms.license == "cc-by-nc-sa-3.0" and not terms.frames_withheld
    assert terms.obligations == {"attribution", "non-commercial", "share-alike"}
    assert license_metadata([terms.text, "CC-BY-NC-4.0"]) == {"license": "cc-by-nc-sa-3.0"}


@pytest.mark.parametrize("text", ["CC-BY-ND-4.0", "CC-BY-NC-ND-4.0"])
def test_no_derivatives_withholds_frames_because_ours_are_resized(text):
    terms = read_terms(text)
    assert "no derivatives" in terms.obligations and terms.frames_withheld and terms.geometry_withheld


RESTRICTED = [
    ("ScanNet Terms of Use", "ScanNet"),
    ("ScanNet Terms of Use (non-commercial research); distributed by mmdetection3d under Apache-2.0", "ScanNet"),
    ("ScanNet++ Terms of Use", "ScanNet++"),
    ("DL3DV-10K Terms of Use", "DL3DV"),
    ("ARKitScenes Terms of Use", "ARKitScenes"),
    ("SUN RGB-D, academic use only; distributed by mmdetection3d under Apache-2.0", "SUN RGB-D"),
]


@pytest.mark.parametrize(("text", "name"), RESTRICTED)
def test_terms_of_their_own_forbid_redistribution(text, name):
    terms = read_terms(text)
    assert terms.source.name == name
    assert terms.frames_withheld and terms.geometry_withheld
    assert license_metadata([text, "CC0-1.0"]) == OTHER


def test_annotations_with_a_licence_of_their_own_keep_their_geometry():
    terms = read_terms("Apache-2.0 (VSI-Bench annotations), derived from ScanNet, which has its own terms of use")
    assert terms.frames_withheld and not terms.geometry_withheld


@pytest.mark.parametrize("text", ["unknown", "", "None", "not stated by its authors", "Apache", "see website"])
def test_unknown_terms_allow_nothing(text):
    terms = read_terms(text)
    assert terms.frames_withheld and terms.geometry_withheld and terms.license is None


def test_the_column_source_names_restricted_sources_too():
    assert read_terms("CC-BY-4.0", "dl3dv").frames_withheld
    assert not read_terms("CC-BY-4.0", "uco3d").frames_withheld


@pytest.mark.parametrize("first", sorted(HUB_LICENSES))
@pytest.mark.parametrize("second", sorted(HUB_LICENSES))
def test_a_mixture_asks_for_all_that_its_parts_ask_for(first, second):
    """The licence stated for two asks for no less than either; where none of them does, no licence is claimed."""
    both = HUB_LICENSES[first] | HUB_LICENSES[second]
    assert strictest(map(read_terms, (first, second))) == both
    stated = license_metadata([first, second])["license"]
    if stated == "other":
        assert both not in (HUB_LICENSES[first], HUB_LICENSES[second])
    else:
        assert all(HUB_LICENSES[one] == both for one in (stated if isinstance(stated, list) else [stated]))


def test_all_lines_of_table_b9_are_there():
    """Paper, section B.4.3; ours, SpaceVista itself, is what is made of them."""
    lines = {
        "VSI-Bench": "Apache License 2.0",
        "STI-Bench": "Apache License 2.0",
        "MMSI-Bench": "CC BY 4.0",
        "SPAR-Bench": "Apache License 2.0",
        "uCO3D": "CC BY 4.0",
        "SMOT": "Unknown",
        "WildRGBD": "None",
        "SpaceR": "CC BY-NC 4.0",
        "ScanNet": "ScanNet Terms of Use",
        "DL3DV": "DL3DV-10K Terms of Use",
    }
    ours = {source.name: source.terms for source in SOURCES}
    assert {name: ours[name] for name in lines} == lines
