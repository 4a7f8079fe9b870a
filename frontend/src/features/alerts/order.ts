/** What comes first: what is worse, then what is newer. */

import type { Alert } from "@/api/gen";

const WEIGHT: Record<Alert["severity"], number> = { critical: 0, warning: 1, info: 2 };

export function byUrgency(alerts: readonly Alert[]): Alert[] {
  return [...alerts].sort(
    (a, b) =>
      Number(a.acknowledged_by !== null) - Number(b.acknowledged_by !== null) ||
      WEIGHT[a.severity] - WEIGHT[b.severity] ||
      b.since.localeCompare(a.since),
  );
}

/** A deployment's own card on the overview says the same, and more. One that starts again and again has none. */
const OF_DEPLOYMENTS = new Set(["deployment_failed", "deployment_degraded"]);

/** What the overview shows beside the cards of deployments. */
export function forOverview(alerts: readonly Alert[]): Alert[] {
  return byUrgency(alerts.filter((a) => !OF_DEPLOYMENTS.has(a.rule)));
}
