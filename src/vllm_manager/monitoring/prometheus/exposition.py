"""Everything that was measured lately, as families of Prometheus: in `figures.FIGURES`' order."""

from collections.abc import Iterable

from vllm_manager.monitoring.prometheus.text import Family, Value
from vllm_manager.monitoring.samples import FIGURES, Labels, Reading


def families(readings: Iterable[Reading]) -> list[Family]:
    """Return the families of `readings`; figures that nobody measured have no series."""
    found: dict[str, list[tuple[Labels, Value]]] = {figure.name: [] for figure in FIGURES}
    for reading in readings:
        for figure, labels, value in reading.samples:
            series = found.get(figure)
            if series is not None:
                series.append((labels, value))
    return [Family(f.name, f.kind, f.about, found[f.name]) for f in FIGURES]
