"""Templates of this package, which may build on those of the evaluation's report."""

from functools import cache

from jinja2 import ChoiceLoader, Environment, PackageLoader

from evaluate_metrics.report import templating


@cache
def environment() -> Environment:
    """Return the templates; the filters and the escaping are those of `evaluate_metrics.report.templating`."""
    base = templating.environment()
    return base.overlay(loader=ChoiceLoader([PackageLoader("hub_cards"), base.loader]))


def render(template: str, **values) -> str:
    """Fill a template of `hub_cards/templates`."""
    return environment().get_template(template).render(**values)
