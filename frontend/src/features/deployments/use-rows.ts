/** The deployments with their speed, kept fresh by the stream and, while it is away, by polling. */

import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { deploymentsQuery } from "@/api/queries";
import { usePolling, useRates, useServerNow } from "@/realtime/provider";
import type { Row } from "./rows";

const RATE_EVERY_MS = 2_000;

export function useRows() {
  const query = useQuery({ ...deploymentsQuery, refetchInterval: usePolling() });
  const rates = useRates();
  const now = useServerNow(RATE_EVERY_MS);
  const rows = useMemo<Row[]>(() => {
    void now;
    const at = Date.now();
    return (query.data ?? []).map((deployment) => ({
      deployment,
      rate: deployment.phase === "ready" ? rates.perSecond(deployment.uid, at) : null,
    }));
  }, [query.data, rates, now]);
  return { query, rows };
}
