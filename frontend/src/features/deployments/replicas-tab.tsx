/** The copies of the engine, one row each, as they report themselves. */

import { useQuery } from "@tanstack/react-query";
import { replicasQuery } from "@/api/queries";
import type { Replica } from "@/api/types";
import { Ago } from "@/components/ago";
import { Card } from "@/components/card";
import { StateChip } from "@/components/chip";
import { count, UNKNOWN } from "@/components/format";
import { Empty, ErrorCard, Lost, SkeletonRows, useUnsure } from "@/components/states";
import { t } from "@/strings";

const EVERY_MS = 3_000;
const CELL = "px-2 py-2 first:pl-4 last:pr-4";

function percent(ratio: number | null | undefined): string {
  return ratio == null ? UNKNOWN : `${(ratio * 100).toFixed(ratio < 0.1 ? 1 : 0)} %`;
}

function ReplicaRow({ replica: r, unsure }: { replica: Replica; unsure: boolean }) {
  return (
    <>
      <tr className="border-t border-line">
        <td className={`${CELL} font-mono text-small`}>{r.replica_id}</td>
        <td className={CELL}>
          <StateChip phase={r.phase} unsure={unsure} />
        </td>
        <td className={CELL}>{r.node?.hostname ?? r.node?.ip ?? UNKNOWN}</td>
        <td className={`${CELL} text-right`}>{r.engine_pid ?? UNKNOWN}</td>
        <td className={`${CELL} text-right`}>{count(r.metrics?.requests_running)}</td>
        <td className={`${CELL} text-right`}>{count(r.metrics?.requests_waiting)}</td>
        <td className={`${CELL} text-right`}>{percent(r.metrics?.kv_cache_usage_ratio)}</td>
        <td className={`${CELL} text-right text-muted`}>
          {r.reported_at ? <Ago at={r.reported_at} /> : UNKNOWN}
        </td>
      </tr>
      {r.failure || (r.reason && r.phase !== "ready") ? (
        <tr>
          <td colSpan={8} className="px-4 pb-2 text-muted">
            {r.failure?.detail ?? r.reason}
            {r.failure?.evidence ? (
              <code className="block font-mono text-small">{r.failure.evidence}</code>
            ) : null}
          </td>
        </tr>
      ) : null}
    </>
  );
}

export function ReplicasTab({ name }: { name: string }) {
  const query = useQuery({ ...replicasQuery(name), refetchInterval: EVERY_MS });
  const unsure = useUnsure() || query.isRefetchError;
  if (query.isError && !query.data) {
    return (
      <ErrorCard
        error={query.error}
        title={t.replicas.failed}
        onRetry={() => void query.refetch()}
      />
    );
  }
  if (!query.data) {
    return (
      <Card>
        <SkeletonRows rows={2} />
      </Card>
    );
  }
  if (query.data.length === 0) {
    return (
      <Card>
        <Empty title={t.replicas.emptyTitle} why={t.replicas.emptyWhy} />
      </Card>
    );
  }
  return (
    <Card className="overflow-hidden">
      <Lost query={query} />
      <section
        aria-label={t.detail.tabs.replicas}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
        tabIndex={0}
        className="overflow-x-auto -outline-offset-2"
      >
        <table className="figures w-full min-w-180 text-left">
          <thead className="text-small text-muted">
            <tr>
              <th className={`${CELL} font-normal`}>{t.replicas.id}</th>
              <th className={`${CELL} font-normal`}>{t.replicas.state}</th>
              <th className={`${CELL} font-normal`}>{t.replicas.node}</th>
              <th className={`${CELL} text-right font-normal`}>{t.replicas.process}</th>
              <th className={`${CELL} text-right font-normal`}>{t.replicas.running}</th>
              <th className={`${CELL} text-right font-normal`}>{t.replicas.waiting}</th>
              <th className={`${CELL} text-right font-normal`}>{t.replicas.kv}</th>
              <th className={`${CELL} text-right font-normal`}>{t.replicas.reported}</th>
            </tr>
          </thead>
          <tbody>
            {query.data.map((r) => (
              <ReplicaRow key={r.replica_id} replica={r} unsure={unsure} />
            ))}
          </tbody>
        </table>
      </section>
    </Card>
  );
}
