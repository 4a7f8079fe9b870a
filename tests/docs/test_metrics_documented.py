"""The page of metrics names each family of `/metrics`, its kind, labels and words, and no more."""

import re
from datetime import UTC, datetime

from support.documentation import page
from vllm_manager.api.metrics import (
    RequestCounts,
    deployment_families,
    process_families,
    spare_families,
    start_families,
)
from vllm_manager.cluster import Warmer
from vllm_manager.cluster.warmers import Spare, WarmerNode
from vllm_manager.deployments import Standing, StartCounts
from vllm_manager.monitoring.prometheus import PREFIX, Family
from vllm_manager.monitoring.samples import FIGURES

Row = tuple[str, str, tuple[str, ...], str]


def documented() -> list[Row]:
    rows = re.findall(
        r"^\| `(vllm_manager_\w+)` \| (\w+) \| (.*?) ?\| (.+) \|$", page("metrics"), re.M
    )
    return [
        (n, kind, tuple(re.findall(r"`(\w+)`", labels)), about) for n, kind, labels, about in rows
    ]


def own_families() -> list[Family]:
    """Return each of the product's own, with at least one series."""
    counts, starts = RequestCounts(), StartCounts()
    counts.add("GET", "/healthz", 200, 0.1)
    starts.add("warm", [("loading", 1.0)])
    node = WarmerNode(id="n")
    warmer = Warmer(node=node, spares=[Spare(pid=1, state="ready")], last_seen_at=datetime.now(UTC))
    return [
        *process_families("1", 0, 1),
        *deployment_families([Standing("demo", "ready", 1, 1)]),
        *start_families(starts),
        *spare_families([warmer]),
        *counts.families(),
    ]


def test_each_figure_and_each_family_of_our_own_is_documented_as_it_is() -> None:
    told: list[Row] = [(PREFIX + f.name, f.kind, f.labels, f.about) for f in FIGURES]
    for family in own_families():
        (labels, _), *_ = family.series
        names = tuple(name for name, _ in labels)
        told.append((PREFIX + family.name, family.kind, names, family.about))
    assert documented() == told


def test_no_two_families_share_a_name() -> None:
    names = [family.name for family in own_families()] + [figure.name for figure in FIGURES]
    assert len(names) == len(set(names))
