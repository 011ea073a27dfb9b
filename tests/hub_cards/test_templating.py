import pytest

from evaluate_metrics.report.templating import cell, fence, interval, signed
from hub_cards.licenses import license_metadata
from hub_cards.templating import render


@pytest.mark.parametrize(
    ("value", "expected"), [(4.26, "+4.3"), (-3.04, "−3.0"), (0.04, "0.0"), (-0.04, "0.0"), (0.06, "+0.1")]
)
def test_margins_carry_a_sign_unless_they_round_to_zero(value, expected):
    assert signed(value) == expected


def test_interval_keeps_both_signs():
    assert interval([-3.5, 7.46]) == "[−3.5, 7.5]"


def test_cell_cannot_leave_its_table():
    assert "|" not in cell("a | b").replace("\\|", "")
    assert "\n" not in cell("a\nb") and "<script" not in cell("<script>")


def test_fence_is_longer_than_any_fence_inside():
    assert fence("````\nx").startswith("`````\n") and fence("````\nx").endswith("\n`````")


def test_missing_values_are_errors_not_gaps():
    with pytest.raises(Exception, match="undefined"):
        render("dataset_card.md.jinja", metadata="")


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (["Apache-2.0", "Apache-2.0"], {"license": "apache-2.0"}),
        (["CC-BY-4.0", "Apache-2.0"], {"license": ["apache-2.0", "cc-by-4.0"]}),
        (["unknown"], {"license": "other", "license_name": "unknown", "license_link": "README.md"}),
        (["Apache-2.0", "X terms"], {"license": "other", "license_name": "mixed", "license_link": "README.md"}),
    ],
)
def test_licenses_the_hub_knows_and_others(terms, expected):
    assert license_metadata(terms) == expected
