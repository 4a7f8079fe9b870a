/** The address `/`: what is running, is it healthy, what needs me. */

import { Card, PageHead } from "@/components/card";
import {
  Doubtful,
  Empty,
  ErrorCard,
  Lost,
  Skeleton,
  SkeletonRows,
  StaleNote,
} from "@/components/states";
import { OverviewAlerts } from "@/features/alerts/overview-alerts";
import { Attention } from "@/features/deployments/attention";
import { DeployLink } from "@/features/deployments/list-page";
import { OverviewTable } from "@/features/deployments/overview-table";
import { useRows } from "@/features/deployments/use-rows";
import { Figures } from "@/features/overview/figures";
import { Recent } from "@/features/overview/recent";
import { sumKnown } from "@/realtime/rates";
import { t } from "@/strings";

function Waiting() {
  return (
    <>
      <div className="mb-3 grid grid-cols-2 gap-3 lg:grid-cols-4">
        {[1, 2, 3, 4].map((n) => (
          <Skeleton key={n} className="h-28 rounded-card!" />
        ))}
      </div>
      <Card>
        <SkeletonRows />
      </Card>
    </>
  );
}

export default function OverviewRoute() {
  const { query, rows } = useRows();
  const deployments = query.data;
  return (
    <>
      <PageHead title={t.pages.overview} actions={<DeployLink />} beside />
      <StaleNote />
      {query.isError && !deployments ? (
        <ErrorCard
          error={query.error}
          title={t.errors.lists.deployments}
          onRetry={() => void query.refetch()}
        />
      ) : !deployments ? (
        <Waiting />
      ) : (
        <Doubtful when={query.isRefetchError}>
          <Lost query={query} />
          <Attention deployments={deployments} />
          <OverviewAlerts />
          {deployments.length === 0 ? (
            <Card className="mb-3">
              <Empty title={t.list.emptyTitle} why={t.list.emptyWhy} action={<DeployLink />} />
            </Card>
          ) : (
            <>
              <Figures deployments={deployments} output={sumKnown(rows.map((r) => r.rate))} />
              <div className="mb-3">
                <OverviewTable rows={rows} />
              </div>
            </>
          )}
          <Recent />
        </Doubtful>
      )}
    </>
  );
}
