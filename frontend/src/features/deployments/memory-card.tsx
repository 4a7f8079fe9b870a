/** What was estimated of a deployment's memory, and what the engine then said. */

import type { Deployment } from "@/api/types";
import { Card } from "@/components/card";
import { FitAnswer, FitChip } from "@/components/fit-panel";
import { bytes, count } from "@/components/format";
import { fit } from "@/strings/configs";
import { deployments as w } from "@/strings/deployments";

/** How far off an estimate was, as a person reads it. */
export function offBy(ratio: number | null | undefined): string {
  if (ratio == null) return "–";
  const percent = ratio * 100;
  return `${percent > 0 ? "+" : ""}${percent.toFixed(Math.abs(percent) < 10 ? 1 : 0)} %`;
}

function Measured({ deployment: { estimate, measured, comparison } }: { deployment: Deployment }) {
  if (!measured) return <p className="text-muted">{w.notMeasured}</p>;
  const device = estimate?.devices[0];
  const rows: [string, string, string, string][] = [
    [
      fit.parts.weights_bytes,
      bytes(device?.weights_bytes),
      bytes(measured.weights_bytes),
      offBy(comparison?.weights_error_ratio),
    ],
    [
      fit.parts.kv_cache_bytes,
      bytes(device?.kv_cache_bytes),
      bytes(measured.kv_cache_bytes),
      offBy(comparison?.kv_cache_error_ratio),
    ],
    [
      w.tokens,
      count(estimate?.kv_tokens),
      count(measured.kv_tokens),
      offBy(comparison?.kv_tokens_error_ratio),
    ],
  ];
  return (
    <div className="overflow-x-auto">
      <table className="w-full text-left text-small">
        <thead className="text-muted">
          <tr>
            <th className="py-1 pr-3 font-normal">
              <span className="sr-only">{w.part}</span>
            </th>
            <th className="py-1 pr-3 font-normal">{fit.estimate}</th>
            <th className="py-1 pr-3 font-normal">{fit.actual}</th>
            <th className="py-1 font-normal">{w.offBy}</th>
          </tr>
        </thead>
        <tbody className="figures">
          {rows.map(([name, estimated, actual, off]) => (
            <tr key={name} className="border-t border-line">
              <td className="py-1 pr-3">{name}</td>
              <td className="py-1 pr-3">{estimated}</td>
              <td className="py-1 pr-3">{actual}</td>
              <td className="py-1">{off}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function MemoryCard({ deployment }: { deployment: Deployment }) {
  const { estimate } = deployment;
  return (
    <Card label={w.memory} className="mt-3 space-y-3 p-4">
      <div className="flex items-center gap-2">
        <h2>{w.memory}</h2>
        {estimate ? <FitChip verdict={estimate.verdict} /> : null}
      </div>
      {estimate ? <FitAnswer report={estimate} /> : <p className="text-muted">{w.noEstimate}</p>}
      <Measured deployment={deployment} />
    </Card>
  );
}
