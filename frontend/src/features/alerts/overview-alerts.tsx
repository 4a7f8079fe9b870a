/** On the overview: what needs attention besides deployments, the most urgent first. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { alertsQuery } from "@/api/alerts";
import { alertWords as w } from "@/strings/alerts";
import { AlertCard } from "./alert-card";
import { forOverview } from "./order";

const SHOWN = 3;

export function OverviewAlerts() {
  const all = useQuery(alertsQuery("active")).data ?? [];
  const shown = forOverview(all);
  if (shown.length === 0) return null;
  return (
    <section aria-label={w.title} className="mb-3 space-y-3">
      <h2 className="sr-only">{w.title}</h2>
      {shown.slice(0, SHOWN).map((alert) => (
        <AlertCard key={alert.id} alert={alert} />
      ))}
      {shown.length > SHOWN ? (
        <Link to="/alerts" className="text-accent hover:underline">
          {w.showAll(all.length)}
        </Link>
      ) : null}
    </section>
  );
}
