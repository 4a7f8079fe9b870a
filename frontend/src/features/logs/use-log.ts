/** A deployment's log: the last page by REST, then the tail from the stream, older pages on demand. */

import { useCallback, useEffect, useMemo, useState } from "react";
import type { LogAttempt } from "@/api/logs";
import { fetchLogs } from "@/api/queries";
import type { LogLine } from "@/api/types";
import { useConnection, useLogTail } from "@/realtime/provider";
import { plain } from "./ansi";
import type { ReadLog } from "./log-frame";
import { LogRing } from "./ring";

const PAGE_LINES = 1_000;

export interface Log extends ReadLog {
  lines: readonly LogLine[];
}

interface Held {
  ring: LogRing;
  lines: readonly LogLine[];
  loaded: boolean;
  error: unknown;
  before: string | null;
}

const nothing = (ring: LogRing): Held => ({
  ring,
  lines: [],
  loaded: false,
  error: null,
  before: null,
});

/** Whether a line of the stream belongs to what is shown. A try that has ended writes no more. */
export function isWanted(line: LogLine, attempt: LogAttempt | null, q: string): boolean {
  if (attempt) {
    if (attempt.state !== "running") return false;
    if (line.replica !== attempt.replica || line.attempt !== attempt.attempt) return false;
  }
  return q === "" || plain(line.text).toLowerCase().includes(q.toLowerCase());
}

/** Lines of one try alone where one is given, and those alone that have `q` in them. */
export function useLog(name: string, attempt: LogAttempt | null, q: string): Log {
  const incarnation = attempt?.incarnation ?? null;
  const ring = useMemo(
    () => ({ of: [name, incarnation, q], lines: new LogRing() }),
    [name, incarnation, q],
  ).lines;
  const [state, setState] = useState<Held>(() => nothing(ring));
  const [tries, setTries] = useState(0);
  const live = useConnection().status === "live";
  const held = state.ring === ring ? state : nothing(ring);
  const change = useCallback(
    (next: Partial<Held>) =>
      setState((old) => ({ ...(old.ring === ring ? old : nothing(ring)), ...next })),
    [ring],
  );

  useLogTail(name, (batch) => {
    if (ring.append(batch.filter((line) => isWanted(line, attempt, q))))
      change({ lines: ring.all });
  });

  const read = useCallback(
    (before: string | null, signal: AbortSignal) =>
      fetchLogs(name, { attempt, q, before, limit: PAGE_LINES }, signal),
    [name, attempt, q],
  );

  // Read again after every reconnection: lines may have passed while the stream was away.
  // biome-ignore lint/correctness/useExhaustiveDependencies: `live` and `tries` ask for it
  useEffect(() => {
    const abort = new AbortController();
    read(null, abort.signal)
      .then((page) => {
        ring.append(page.lines);
        setState((old) =>
          old.ring === ring && old.loaded
            ? { ...old, lines: ring.all, error: null }
            : { ring, lines: ring.all, loaded: true, error: null, before: page.before },
        );
      })
      .catch((error: unknown) => {
        if (!abort.signal.aborted) change({ error });
      });
    return () => abort.abort();
  }, [read, ring, change, live, tries]);

  const before = held.before;
  const loadOlder = useCallback(async () => {
    try {
      const page = await read(before, new AbortController().signal);
      ring.prepend(page.lines);
      change({ lines: ring.all, before: page.before, error: null });
    } catch (error) {
      change({ error });
    }
  }, [read, before, ring, change]);

  return {
    lines: held.lines,
    loaded: held.loaded,
    error: held.error,
    hasOlder: before !== null && !ring.full,
    loadOlder,
    retry: () => setTries((n) => n + 1),
  };
}
