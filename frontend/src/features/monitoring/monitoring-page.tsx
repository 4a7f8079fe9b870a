/** Monitoring: models, gateway, GPUs, nodes and processes over a time that stands in the address. */

import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { nodesQuery } from "@/api/machine";
import { metricsQuery } from "@/api/metrics";
import { deploymentsQuery } from "@/api/queries";
import { Card, PageHead } from "@/components/card";
import { BareSelect } from "@/components/field";
import { Empty, StaleNote } from "@/components/states";
import { monitoringWords as w } from "@/strings/monitoring";
import { Chart } from "./chart";
import { chartsOf, RANGES, type Range, VIEWS, type View } from "./charts";

export interface MonitoringView {
  range?: Range;
  view?: View;
  deployment?: string;
  node?: string;
}

interface Props {
  shown: MonitoringView;
  onShow: (next: MonitoringView) => void;
}

function Tabs({ chosen, onChoose }: { chosen: View; onChoose: (view: View) => void }) {
  return (
    <div role="tablist" aria-label={w.view} className="flex flex-wrap gap-1">
      {VIEWS.map((view) => (
        <button
          key={view}
          type="button"
          role="tab"
          aria-selected={view === chosen}
          onClick={() => onChoose(view)}
          className="h-8 rounded-control px-2.5 text-muted hover:text-text aria-selected:bg-sunken aria-selected:font-[520] aria-selected:text-text"
        >
          {w.views[view]}
        </button>
      ))}
    </div>
  );
}

function Narrow({ shown, onShow }: Props) {
  const view = shown.view ?? "models";
  const ofModels = view === "models" || view === "gateway";
  const deployments = useQuery({ ...deploymentsQuery, enabled: ofModels }).data ?? [];
  const nodes = useQuery({ ...nodesQuery, enabled: !ofModels }).data ?? [];
  const names = ofModels
    ? deployments.map((d) => d.name)
    : nodes.map((n) => n.hostname ?? n.id).filter((name) => name !== null);
  const chosen = ofModels ? shown.deployment : shown.node;
  return (
    <BareSelect
      className="max-w-60"
      aria-label={ofModels ? w.deployment : w.node}
      value={chosen ?? ""}
      onChange={(event) => {
        const { deployment: _, node: __, ...rest } = shown;
        const value = event.target.value;
        onShow(value ? { ...rest, [ofModels ? "deployment" : "node"]: value } : rest);
      }}
    >
      <option value="">{ofModels ? w.allDeployments : w.allNodes}</option>
      {[...new Set([...names, ...(chosen ? [chosen] : [])])].map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </BareSelect>
  );
}

/** Whether no GPU was there in all that time: one sentence then says it for every chart. */
function useHasNoGpus(view: View, range: Range): boolean {
  const asked = metricsQuery([{ figure: "gpu_up", by: [] }], range, 50);
  const { data } = useQuery({ ...asked, enabled: view === "gpus" });
  return view === "gpus" && data !== undefined && data.every((one) => one.series.length === 0);
}

export function MonitoringPage({ shown, onShow }: Props) {
  const { range = "1h", view = "models", deployment, node } = shown;
  const hasNoGpus = useHasNoGpus(view, range);
  const charts = useMemo(
    () => chartsOf(view, { ...(deployment ? { deployment } : {}), ...(node ? { node } : {}) }),
    [view, deployment, node],
  );
  const actions = (
    <>
      <Narrow shown={shown} onShow={onShow} />
      <BareSelect
        aria-label={w.range}
        value={range}
        onChange={(event) => onShow({ ...shown, range: event.target.value as Range })}
      >
        {RANGES.map((one) => (
          <option key={one} value={one}>
            {w.ranges[one]}
          </option>
        ))}
      </BareSelect>
    </>
  );
  return (
    <>
      <PageHead
        title={w.title}
        actions={actions}
        below={
          <div className="mt-2">
            <Tabs chosen={view} onChoose={(next) => onShow({ ...shown, view: next })} />
          </div>
        }
      />
      <StaleNote />
      {hasNoGpus ? (
        <Card>
          <Empty title={w.noGpus} why={w.noGpusWhy} />
        </Card>
      ) : (
        <div className="grid gap-3 lg:grid-cols-2">
          {charts.map((spec) => (
            <Chart key={`${view}/${spec.title}`} spec={spec} range={range} />
          ))}
        </div>
      )}
    </>
  );
}
