/** On the overview: what needs attention besides deployments, the most urgent first. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { alertsQuery } from "@/api/alerts";
import { Card } from "@/components/card";
import { Doubtful, Lost, PartFailed } from "@/components/states";
import { alertWords as w } from "@/strings/alerts";
import { AlertCard } from "./alert-card";
import { forOverview } from "./order";

const SHOWN = 3;

export function OverviewAlerts() {
  const query = useQuery(alertsQuery("active"));
  const all = query.data ?? [];
  const shown = forOverview(all);
  if (query.isError && !query.data)
    return (
      <Card className="mb-3 border-l-3 border-l-failed px-4 py-3">
        <PartFailed query={query} title={w.failed} />
      </Card>
    );
  if (shown.length === 0) return <Lost query={query} />;
  return (
    <section aria-label={w.title} className="mb-3 space-y-3">
      <h2 className="sr-only">{w.title}</h2>
      <Lost query={query} />
      <Doubtful when={query.isRefetchError}>
        {shown.slice(0, SHOWN).map((alert) => (
          <AlertCard key={alert.id} alert={alert} />
        ))}
      </Doubtful>
      {shown.length > SHOWN ? (
        <Link to="/alerts" className="text-accent hover:underline">
          {w.showAll(all.length)}
        </Link>
      ) : null}
    </section>
  );
}
