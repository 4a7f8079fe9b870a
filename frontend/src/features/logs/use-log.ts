/** A deployment's log: the last page by REST, then the tail from the stream, older pages on demand. */

import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { LogAttempt } from "@/api/logs";
import { fetchLogs } from "@/api/queries";
import type { LogLine } from "@/api/types";
import { useConnection, useLogTail } from "@/realtime/provider";
import { LogRing } from "./ring";

const PAGE_LINES = 1_000;

export interface Log {
  lines: readonly LogLine[];
  loaded: boolean;
  error: unknown;
  hasOlder: boolean;
  loadOlder: () => Promise<void>;
  retry: () => void;
}

/** Lines of one try alone where one is given. */
export function useLog(name: string, attempt: LogAttempt | null = null): Log {
  const ring = useMemo(() => ({ of: name, lines: new LogRing() }), [name]).lines;
  const [lines, setLines] = useState<readonly LogLine[]>([]);
  const [loaded, setLoaded] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [before, setBefore] = useState<string | null>(null);
  const [tries, setTries] = useState(0);
  const first = useRef(true);
  const { status } = useConnection();
  const live = status === "live";

  useLogTail(name, (batch) => {
    const wanted = attempt
      ? batch.filter((l) => l.replica === attempt.replica && l.attempt === attempt.attempt)
      : batch;
    if (ring.append(wanted)) setLines(ring.all);
  });

  // Read again after every reconnection: lines may have passed while the stream was away.
  // biome-ignore lint/correctness/useExhaustiveDependencies: `live` and `tries` ask for it
  useEffect(() => {
    const abort = new AbortController();
    fetchLogs(name, attempt, null, PAGE_LINES, abort.signal)
      .then((page) => {
        ring.append(page.lines);
        setLines(ring.all);
        if (first.current) setBefore(page.before);
        first.current = false;
        setLoaded(true);
        setError(null);
      })
      .catch((reason: unknown) => {
        if (!abort.signal.aborted) setError(reason);
      });
    return () => abort.abort();
  }, [name, attempt, ring, live, tries]);

  const loadOlder = useCallback(async () => {
    try {
      const page = await fetchLogs(name, attempt, before, PAGE_LINES, new AbortController().signal);
      ring.prepend(page.lines);
      setLines(ring.all);
      setBefore(page.before);
    } catch (reason) {
      setError(reason);
    }
  }, [name, attempt, before, ring]);

  return {
    lines,
    loaded,
    error,
    hasOlder: before !== null && !ring.full,
    loadOlder,
    retry: () => setTries((n) => n + 1),
  };
}
