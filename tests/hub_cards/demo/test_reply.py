from dataset_builders.conversation import completion_text
from hub_cards.demo.reply import split_reply

ROW = {
    "rationale": "The cup is 9 cm < 10 cm tall.",
    "anchors": {"semantics": ["cup", "bowl"], "scale_value": 62.0, "scale_unit": "cm"},
    "answer": "9",
    "unit": "cm",
}
PARTS = {"think": ROW["rationale"], "semantics": "cup, bowl", "scale": "62 cm", "answer": "9 cm"}


def test_what_training_teaches_is_read_whole():
    assert split_reply(completion_text(ROW)) == PARTS


def test_a_growing_reply_never_shows_a_piece_of_a_tag_and_never_takes_anything_back():
    whole = completion_text(ROW)
    before = {}
    for length in range(len(whole) + 1):
        parts = split_reply(whole[:length])
        for tag, text in before.items():
            assert PARTS[tag].startswith(text.rstrip("<")) and parts[tag].startswith(text.rstrip("<"))
        assert list(parts) == list(PARTS)[: len(parts)]
        assert not any(">" in text or "</" in text for text in parts.values())
        before = parts
    assert before == PARTS


def test_forgotten_and_repeated_tags():
    assert split_reply("<think>a<answer>b") == {"think": "a", "answer": "b"}
    assert split_reply("<answer>a</answer><answer>b</answer>") == {"answer": "a"}
    assert split_reply("just words") == {}
    assert split_reply("<think>" * 50_000) == {"think": ""}
