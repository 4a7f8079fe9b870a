"""HTTP routes of figures. They name no person: whoever is logged in may read them."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime

from vllm_manager.auth.guard import ANYONE
from vllm_manager.kit.paging import Page
from vllm_manager.monitoring.samples.question import DEFAULT_POINTS, MOST_POINTS
from vllm_manager.monitoring.samples.schemas import (
    FigureInfo,
    Function,
    Latest,
    MetricAnswer,
    encoded,
)
from vllm_manager.monitoring.samples.service import Samples

router = APIRouter(prefix="/api/v1/metrics", tags=["metrics"], dependencies=[Depends(ANYONE)])

Values = Annotated[list[str] | None, Query(max_length=200, description="Repeat it for several.")]


def samples_of(request: Request) -> Samples:
    """Return the service that `api.wiring` placed on the application."""
    return request.app.state.samples


def only(
    deployment: Values = None,
    replica: Values = None,
    node: Values = None,
    gpu: Values = None,
    process: Values = None,
) -> Mapping[str, Sequence[str]]:
    """Return which values of which labels are wanted."""
    named = {
        "deployment": deployment,
        "replica": replica,
        "node": node,
        "gpu": gpu,
        "process": process,
    }
    return {label: values for label, values in named.items() if values}


Service = Annotated[Samples, Depends(samples_of)]
Only = Annotated[Mapping[str, Sequence[str]], Depends(only)]
By = Annotated[
    list[str] | None,
    Query(
        max_length=20,
        description="Labels to tell series apart by, repeated or with commas; the others are put "
        "together. Left out: every series for itself. Empty: one line of all.",
    ),
]
Chosen = Annotated[
    Function | None,
    Query(
        description="Gauges: `value` (series put together as suits the figure: memory is summed, "
        "ratios and temperatures are averaged) or `mean`. Counters: `rate` per second, or "
        "`value`, how many within the step. Histograms: `quantile`, `mean`, or `rate`, how many "
        "per second. Left out: the first of these."
    ),
]


@router.get("/figures", operation_id="listFigures", summary="List what is measured")
async def list_figures(samples: Service) -> Page[FigureInfo]:
    return Page(items=samples.figures())


@router.get(
    "/query",
    operation_id="queryMetrics",
    summary="One figure over a span of time",
    response_model=MetricAnswer,
)
async def query_metrics(
    samples: Service,
    where: Only,
    figure: Annotated[str, Query(max_length=100, description="Its name; see `figures`.")],
    since: Annotated[AwareDatetime | None, Query(alias="from", description="RFC 3339.")] = None,
    until: Annotated[
        AwareDatetime | None, Query(alias="to", description="Exclusive; now where left out.")
    ] = None,
    span: Annotated[
        str | None,
        Query(
            alias="range",
            max_length=10,
            description="Instead of `from`: `15m`, `1h`, `7d` before `to`. Where both are left "
            "out it is `1h`.",
        ),
    ] = None,
    points: Annotated[
        int, Query(ge=1, le=MOST_POINTS, description="The chart's width in pixels.")
    ] = DEFAULT_POINTS,
    by: By = None,
    function: Chosen = None,
    quantile: Annotated[float, Query(ge=0, le=1)] = 0.95,
) -> Response:
    """Downsampled to at most about as many points as asked for; gaps are null, never guessed."""
    answer = await samples.query(
        figure,
        since=since,
        until=until,
        span=span,
        points=points,
        by=by,
        where=where,
        function=function,
        quantile=quantile,
    )
    return Response(encoded(answer), media_type="application/json")


@router.get("/latest", operation_id="latestMetrics", summary="What the figures are now")
async def latest_metrics(
    samples: Service,
    where: Only,
    figure: Annotated[
        list[str] | None, Query(max_length=100, description="Left out: every figure.")
    ] = None,
) -> Latest:
    """Gauges as last measured, counters per second over the last 10 s, histograms as their 95th
    percentile of the last minute. What was not heard of for 10 s is left out.
    """
    return await samples.latest(figure, where)
