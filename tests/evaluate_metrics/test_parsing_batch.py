import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluate_metrics import read_choice, read_number
from evaluate_metrics.parsing_batch import BatchReader, last_announcement

PIECES = (
    "answer is ,answer: ,Answer ,ANSWER is ,unanswered ,nswer,the ,a,A,b,B.,C),D, ,.,**,\n,option ,choice ,Is ,one,"
    "two,3,4.5,-,7 m,cm,20 , to ,or ,<think>,</think>,<answer>,</answer>,boxed{,\\boxed{5},é,_,ſ,half a ,chair,left"
).split(",") + [",", "so, the answer is ", "I see 4 of them, so the answer is "]
REPLIES = st.lists(st.one_of(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.text()), min_size=1)
OPTIONS = st.sampled_from([None, ["left", "chair"], ["a", "answer is b", "c"], ["the anſwer: A", "A. answer b"]])


@settings(max_examples=300)
@given(REPLIES, st.sampled_from(["", "m", "m²"]), OPTIONS)
def test_a_batch_reads_as_the_full_readers_do(replies, unit, options):
    reader = BatchReader()
    for reply in replies * 2:
        assert reader.number(reply, unit) == read_number(reply, unit)
        assert reader.choice(reply, options) == read_choice(reply, options)


@pytest.mark.parametrize(
    ("before", "said", "options", "number", "choice"),
    [
        ("Frame 7 shows B, so the ", "answer is 3.", None, 3, "B"),
        ("Frame 7 shows it, so the ", "answer is C.", ["x", "y", "z"], 7, "C"),
        ("Frame 7 shows it, so the ", "answer is C.", ["x", "y"], 7, None),
        ("Frame 7 shows it, so the ", "answer is C.", ["x", "frame 7 shows it, so the answer is c", "z"], 7, "B"),
        ("B) is right, so the ", "answer is C.", None, None, "B"),
        ("Frame 7, un", "answer is 3 D", None, 7, "D"),
        ("Frame 7, my_", "answer is 3 D", None, 7, "D"),
        ("Frame 7, ", "answer: none", None, 7, None),
        ("Frame 7, ", "answer is 3, the answer is unclear", None, 7, None),
        ("Frame 7, ", "answer is A. ANSWER: B", None, 7, "B"),
        ("Frame 7, ", r"answer is in \boxed{4}", None, 4, None),
    ],
)
def test_what_stands_before_the_announcement_counts_where_it_must(before, said, options, number, choice):
    """Each is asked after a reply that announces the same behind other words, of which something may be kept."""
    reader = BatchReader()
    for text in (f"Well, the {said}", before + said):
        reading = reader.number(text), reader.choice(text, options)
    assert (reading[0].value, reading[1].value) == (number, choice)
    assert reading == (read_number(before + said), read_choice(before + said, options))


def test_only_short_ends_are_looked_up():
    assert last_announcement("so the answer is " + "3" * 30) == "answer is " + "3" * 30
    assert last_announcement("so the answer is " + "3" * 31) == ""
