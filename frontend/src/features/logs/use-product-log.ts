/** The product's log: the newest page, then what comes, older pages on demand. */

import { useCallback, useEffect, useRef, useState } from "react";
import { fetchProductLog, type LogEntry, type ProductLogFilter } from "@/api/logs";
import { merged } from "./entries";

const PAGE = 500;
const POLL_MS = 2_000;
const MOST_PAGES = 20;

export interface ProductLog {
  entries: readonly LogEntry[];
  loaded: boolean;
  error: unknown;
  hasOlder: boolean;
  loadOlder: () => Promise<void>;
  retry: () => void;
}

/** Mount anew (by `key`) for another filter. Asks for newer lines while `follow`. */
export function useProductLog(filter: ProductLogFilter, follow: boolean): ProductLog {
  const [entries, setEntries] = useState<readonly LogEntry[]>([]);
  const [loaded, setLoaded] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [older, setOlder] = useState<string | null>(null);
  const [tries, setTries] = useState(0);
  const latest = useRef<string | null>(null);
  const fixed = useRef(filter).current;

  const read = useCallback(
    async (signal: AbortSignal) => {
      const from = latest.current;
      const page = await fetchProductLog(fixed, { limit: PAGE, ...(from ? { from } : {}) }, signal);
      let [entries, more] = [page.entries, page.older];
      // More came since the last look than a page holds: read back to where that ended.
      for (let pages = 1; from && more && pages < MOST_PAGES; pages++) {
        const below = await fetchProductLog(fixed, { limit: PAGE, from, cursor: more }, signal);
        entries = [...below.entries, ...entries];
        more = below.older;
      }
      latest.current = entries.at(-1)?.time ?? from;
      if (!from) setOlder(page.older);
      setEntries((held) => merged(held, entries, "newer"));
      setLoaded(true);
      setError(null);
    },
    [fixed],
  );

  // biome-ignore lint/correctness/useExhaustiveDependencies: `tries` asks for it
  useEffect(() => {
    const abort = new AbortController();
    let busy = false;
    const look = async () => {
      if (busy || document.visibilityState === "hidden") return;
      busy = true;
      await read(abort.signal).catch((reason: unknown) => {
        if (!abort.signal.aborted) setError(reason);
      });
      busy = false;
    };
    if (follow || latest.current === null) void look();
    const timer = follow ? setInterval(() => void look(), POLL_MS) : undefined;
    return () => {
      clearInterval(timer);
      abort.abort();
    };
  }, [read, follow, tries]);

  const loadOlder = useCallback(async () => {
    if (!older) return;
    try {
      const where = { limit: PAGE, cursor: older };
      const page = await fetchProductLog(fixed, where, new AbortController().signal);
      setOlder(page.older);
      setEntries((held) => merged(held, page.entries, "older"));
    } catch (reason) {
      setError(reason);
    }
  }, [fixed, older]);

  return {
    entries,
    loaded,
    error,
    hasOlder: older !== null,
    loadOlder,
    retry: () => setTries((n) => n + 1),
  };
}
