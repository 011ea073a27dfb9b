import pytest

from dataset_builders.errors import InputError
from hub_cards import write_dataset_card, write_model_card
from hub_cards.hand_written import MARKER

MARK = "<!-- hand-written: {} -->\n"


@pytest.fixture(params=["dataset", "model"])
def write(request, dataset, model):
    return (lambda: write_dataset_card(dataset)) if request.param == "dataset" else lambda: write_model_card(model)


def add(card, name: str, words: str) -> None:
    card.write_text(card.read_text().replace(MARK.format(name), MARK.format(name) + words))


def test_sections_survive_and_bytes_repeat(write):
    card = write()
    add(card, "about", "\nMade for the **museum**.\n\n")
    add(card, "notes", "Thanks to all.\n")
    first = write().read_bytes()
    assert b"\nMade for the **museum**.\n\n<!-- end of hand-written: about -->" in first
    assert b"Thanks to all." in first
    assert write().read_bytes() == first


def test_a_section_survives_when_what_is_generated_changes(model, results):
    card = write_model_card(model)
    add(card, "notes", "Mine.\n")
    text = write_model_card(model, results).read_text()
    assert "Mine." in text and "## Evaluation" in text and "14 questions about" in text


def test_metadata_may_be_edited(write):
    card = write()
    card.write_text(card.read_text().replace("---\n", "---\nextra: 1\n", 1))
    write()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("## Limits\n", "## Limits\n\nMy own words.\n"), "changed outside"),
        (lambda text: text + "\nMy own words.\n", "changed outside"),
        (lambda text: MARKER.sub(lambda mark: mark[0].replace("notes", "story"), text), "story"),
        (lambda text: text.replace("<!-- end of hand-written: about -->", ""), "opens inside or after itself"),
        (lambda text: text.replace("<!-- hand-written: about -->", ""), "closes no section"),
    ],
)
def test_what_would_be_lost_is_refused_and_kept(write, change, message):
    card = write()
    add(card, "notes", "Precious.\n")
    card.write_text(change(card.read_text()))
    before = card.read_bytes()
    with pytest.raises(InputError, match=message):
        write()
    assert card.read_bytes() == before


def test_a_card_of_somebody_else_is_refused(model):
    (model / "README.md").write_text("# My model\n\nPrecious.\n")
    with pytest.raises(InputError, match="was not written by this command and would be lost"):
        write_model_card(model)
    assert (model / "README.md").read_text() == "# My model\n\nPrecious.\n"
