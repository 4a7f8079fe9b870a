"""The shipped Grafana dashboards: their panels, and their queries with the variables filled in."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from support.ray_cluster import REPOSITORY

FOLDER = REPOSITORY / "monitoring" / "grafana" / "dashboards"


def dashboards() -> Mapping[str, Any]:
    """Return each dashboard by the name of its file."""
    return {file.stem: json.loads(file.read_text()) for file in sorted(FOLDER.glob("*.json"))}


class Asked(NamedTuple):
    """A query of a panel, as Grafana sends it."""

    dashboard: str
    panel: str
    expression: str


def queries(values: Mapping[str, str]) -> Iterator[Asked]:
    """Yield every query of every panel; `values` are those of variables, as `$name`."""
    for name, dashboard in dashboards().items():
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                expression = filled_in(target["expr"], values)
                yield Asked(name, panel["title"], expression)


def filled_in(expression: str, values: Mapping[str, str]) -> str:
    """Return an expression with its variables replaced; all of them must be known."""
    text = re.sub(r"\$(\w+)", lambda match: values[match[1]], expression)
    assert "$" not in text, text
    return text


def variable_queries() -> Iterator[tuple[str, str]]:
    """Yield metric and label of each variable that asks Prometheus for its values."""
    for dashboard in dashboards().values():
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                found = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"])
                assert found, variable
                yield found[1], found[2]
