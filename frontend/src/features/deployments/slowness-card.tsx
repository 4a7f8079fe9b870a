/** Why a deployment is slow: the heaviest causes first, each with its numbers and what to do. */

import { useQuery } from "@tanstack/react-query";
import type { Performance } from "@/api/gen";
import { performanceQuery } from "@/api/performance";
import type { Deployment } from "@/api/types";
import { Ago } from "@/components/ago";
import { Button } from "@/components/button";
import { Card } from "@/components/card";
import { clockTime } from "@/components/format";
import { ErrorCard } from "@/components/states";
import { useServerNow } from "@/realtime/provider";
import { performance as w } from "@/strings/performance";

/** After this long it tells of the past. */
const FRESH_MS = 60_000;

function Found({ found }: { found: Performance }) {
  const isOld = useServerNow(5_000) - Date.parse(found.at) > FRESH_MS;
  return (
    <div className={isOld ? "text-muted" : ""}>
      <p className="mt-1.5 break-words">
        {found.summary}{" "}
        <span className="text-small whitespace-nowrap text-muted">
          {w.asOf(clockTime(found.at))}, <Ago at={found.at} />
        </span>
      </p>
      {found.causes.length > 0 ? (
        <ol className="mt-2 space-y-2">
          {found.causes.map((cause) => (
            <li key={cause.kind} className="flex gap-3">
              <span className="w-12 shrink-0 text-right tabular-nums">{w.share(cause.share)}</span>
              <span className="min-w-0">
                {cause.cause} <span className="text-muted">{cause.advice}</span>
              </span>
            </li>
          ))}
        </ol>
      ) : null}
    </div>
  );
}

export function SlownessCard({ deployment: d }: { deployment: Deployment }) {
  const query = useQuery({ ...performanceQuery(d.name), enabled: false });
  if (d.phase !== "ready" && d.phase !== "degraded") return null;
  const found = query.data;
  return (
    <Card label={w.title} className="mb-3 px-4 py-3">
      <div className="flex flex-wrap items-center gap-3">
        <h2>{w.title}</h2>
        <span className="ml-auto">
          <Button size="small" disabled={query.isFetching} onClick={() => void query.refetch()}>
            {found ? w.again : w.ask}
          </Button>
        </span>
      </div>
      {query.isError ? (
        <ErrorCard error={query.error} onRetry={() => void query.refetch()} />
      ) : null}
      {found ? <Found found={found} /> : null}
    </Card>
  );
}
