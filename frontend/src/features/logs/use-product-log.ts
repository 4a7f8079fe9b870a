/** The product's log: the newest page, then what comes, older pages on demand. */

import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { fetchProductLog, type LogEntry, type ProductLogFilter } from "@/api/logs";
import { serverNow } from "@/realtime/clock";
import { gapBefore, merged, sinceOf } from "./entries";
import type { ReadLog } from "./log-frame";

const PAGE = 500;
const POLL_MS = 2_000;
const MOST_PAGES = 20;

export interface ProductLog extends ReadLog {
  entries: readonly LogEntry[];
}

interface Held {
  /** The filter whose lines these are. */
  of: string;
  entries: readonly LogEntry[];
  loaded: boolean;
  error: unknown;
  older: string | null;
}

const nothing = (of: string): Held => ({
  of,
  entries: [],
  loaded: false,
  error: null,
  older: null,
});

/** Everything since `from`, as far back as is worth reading; a gap stands before what was not. */
async function newer(filter: ProductLogFilter, from: string, signal: AbortSignal) {
  let entries: LogEntry[] = [];
  let cursor: string | null = null;
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const where = { limit: PAGE, from, ...(cursor ? { cursor } : {}) };
    const page = await fetchProductLog(filter, where, signal);
    entries = [...page.entries, ...entries];
    cursor = page.older;
    if (!cursor) return entries;
  }
  return gapBefore(entries);
}

/** Asks for newer lines while `follow`. Of another filter nothing is kept. */
export function useProductLog(filter: ProductLogFilter, follow: boolean): ProductLog {
  const of = JSON.stringify(filter);
  const wanted = useMemo(() => JSON.parse(of) as ProductLogFilter, [of]);
  const [state, setState] = useState<Held>(() => nothing(of));
  const [tries, setTries] = useState(0);
  const since = useRef<{ of: string; at: string } | null>(null);
  const held = state.of === of ? state : nothing(of);
  const change = useCallback(
    (next: (held: Held) => Partial<Held>) =>
      setState((old) => {
        const held = old.of === of ? old : nothing(of);
        return { ...held, ...next(held) };
      }),
    [of],
  );

  const read = useCallback(
    async (signal: AbortSignal) => {
      const known = since.current?.of === of ? since.current.at : null;
      const asked = new Date(serverNow()).toISOString();
      const page = known === null ? await fetchProductLog(wanted, { limit: PAGE }, signal) : null;
      const entries = page?.entries ?? (await newer(wanted, known ?? asked, signal));
      if (signal.aborted) return;
      since.current = { of, at: sinceOf(entries.at(-1)?.time ?? null, known, asked) };
      change((held) => ({
        entries: merged(held.entries, entries, "newer"),
        loaded: true,
        error: null,
        ...(page ? { older: page.older } : {}),
      }));
    },
    [of, wanted, change],
  );

  useEffect(() => {
    const abort = new AbortController();
    let busy = false;
    const look = async () => {
      if (busy || document.visibilityState === "hidden") return;
      busy = true;
      await read(abort.signal).catch((error: unknown) => {
        if (!abort.signal.aborted) change(() => ({ error }));
      });
      busy = false;
    };
    if (follow || tries > 0 || since.current?.of !== of) void look();
    const timer = follow ? setInterval(() => void look(), POLL_MS) : undefined;
    return () => {
      clearInterval(timer);
      abort.abort();
    };
  }, [read, follow, tries, of, change]);

  const older = held.older;
  const loadOlder = useCallback(async () => {
    if (!older) return;
    try {
      const where = { limit: PAGE, cursor: older };
      const page = await fetchProductLog(wanted, where, new AbortController().signal);
      change((held) => ({
        older: page.older,
        entries: merged(held.entries, page.entries, "older"),
        error: null,
      }));
    } catch (error) {
      change(() => ({ error }));
    }
  }, [wanted, older, change]);

  return {
    entries: held.entries,
    loaded: held.loaded,
    error: held.error,
    hasOlder: older !== null,
    loadOlder,
    retry: () => setTries((n) => n + 1),
  };
}
