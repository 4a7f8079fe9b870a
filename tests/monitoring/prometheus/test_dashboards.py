"""The shipped dashboards' form: what Grafana needs, so that they work unchanged."""

from typing import Any

import pytest

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
