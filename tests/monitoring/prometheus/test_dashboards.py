"""The shipped dashboards' form: what Grafana needs, so that they work unchanged."""

import json
from copy import deepcopy
from typing import Any, cast

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from support.dashboards import dashboards, queries

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
VALUES = {"deployment": "demo", "node": ".*", "__rate_interval": "1m"}
each = pytest.mark.parametrize("dashboard", dashboards().values(), ids=dashboards().keys())


def cells(panel: Any) -> set[tuple[int, int]]:
    place = panel["gridPos"]
    return {
        (x, y)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    }


def leaves(document: Any, at: str = "") -> dict[str, Any]:
    """Return each value of a document by its place in it."""
    if isinstance(document, dict):
        members = [(f"{at}.{key}", value) for key, value in cast(dict[str, Any], document).items()]
    elif isinstance(document, list):
        entries = enumerate(cast(list[Any], document))
        members = [(f"{at}[{index}]", entry) for index, entry in entries]
    else:
        return {at: document}
    return {place: leaf for name, member in members for place, leaf in leaves(member, name).items()}


def unknown_to_grafana(dashboard: Any) -> list[str]:
    """Return the places that Grafana's own schema loses or changes; it may add defaults."""
    register_default_plugins()
    read = Dashboard.from_json(dashboard)
    known = leaves(json.loads(json.dumps(read, cls=JSONEncoder)))
    # What a variable's editor shows again stands in no schema, and Grafana writes it itself.
    ours = {place: leaf for place, leaf in leaves(dashboard).items() if "definition" not in place}
    return [place for place, leaf in ours.items() if known.get(place) != leaf]


@each
def test_grafanas_own_schema_knows_each_field_of_it(dashboard: Any) -> None:
    assert unknown_to_grafana(dashboard) == []


def test_a_misspelt_field_of_a_dashboard_is_seen() -> None:
    dashboard = deepcopy(dashboards()["overview"])
    panel = next(panel for panel in dashboard["panels"] if panel["type"] == "timeseries")
    panel["fieldConfig"]["defaults"]["unitt"] = panel["fieldConfig"]["defaults"].pop("unit")
    place = f".panels[{dashboard['panels'].index(panel)}].fieldConfig.defaults.unitt"
    assert unknown_to_grafana(dashboard) == [place]


def test_there_are_four_each_with_a_uid_of_its_own() -> None:
    assert sorted(dashboards()) == ["gateway", "model", "node", "overview"]
    assert len({dashboard["uid"] for dashboard in dashboards().values()}) == 4


@each
def test_it_asks_whichever_prometheus_is_chosen(dashboard: Any) -> None:
    source, *rest = dashboard["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == (
        "datasource",
        "datasource",
        "prometheus",
    )
    asked = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    targets = [target for panel in asked for target in panel["targets"]]
    assert [part for part in (*rest, *asked, *targets) if part["datasource"] != SOURCE] == []
    assert "__inputs" not in dashboard  # nothing is to be filled in at the import


@each
def test_its_panels_have_what_grafana_needs(dashboard: Any) -> None:
    assert dashboard["schemaVersion"] >= 36
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    for panel in dashboard["panels"]:
        assert panel["title"]
        if panel["type"] == "row":
            continue
        assert panel["type"] in ("timeseries", "stat", "table")
        assert panel["fieldConfig"]["overrides"] == []
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references) > 0
        assert all(target["expr"] for target in panel["targets"])


@each
def test_its_panels_lie_within_24_columns_and_not_on_each_other(dashboard: Any) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        assert not taken & cells(panel), panel["title"]
        taken |= cells(panel)


def test_each_query_is_of_known_variables_and_there_are_many() -> None:
    assert len(list(queries(VALUES))) > 70
