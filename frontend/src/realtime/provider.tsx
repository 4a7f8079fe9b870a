/** Runs the event stream for the page and tells components about it. The only user of EventSource. */

import { useQueryClient } from "@tanstack/react-query";
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { reportError } from "@/api/client-errors";
import { keys } from "@/api/queries";
import type { Deployment, LogLine } from "@/api/types";
import { applyEvents, type StreamEvent } from "./apply";
import { learnServerTime, serverNow } from "./clock";
import type { EventName } from "./connection";
import { Rates } from "./rates";
import { Tabs } from "./tabs";

const BATCH_MS = 100;
/** Heartbeats come every 4 s: after this long without a word nothing counts as fresh, within 10 s in all. */
const SILENCE_MS = 9_000;
const LOOK_MS = 1_000;
const POLL_MS = 5_000;

export type Status = "connecting" | "live" | "reconnecting";
type LogListener = (lines: LogLine[]) => void;

interface State {
  status: Status;
  /** When the server was last heard, in this machine's time; null before the first word. */
  heardAt: number | null;
}

/** What happens outside React: the stream, its batches, and who listens to logs. */
class Stream {
  state: State = { status: "connecting", heardAt: null };
  readonly rates = new Rates();
  private heardAt: number | null = null;
  private startedAt = 0;
  private tabs: Tabs | null = null;
  private batch: StreamEvent[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly watchers = new Set<() => void>();
  private readonly logs = new Map<string, Set<LogListener>>();

  constructor(private readonly client: ReturnType<typeof useQueryClient>) {}

  start(): () => void {
    this.startedAt = Date.now();
    const channel =
      typeof BroadcastChannel === "undefined"
        ? undefined
        : new BroadcastChannel("vllm-manager-events");
    this.tabs = new Tabs({
      onEvent: (name, data) => this.receive(name, data),
      onStatus: (live) => this.setLive(live),
      locks: navigator.locks,
      channel,
    });
    this.tabs.want(this.topics());
    const silence = setInterval(() => this.checkSilence(), LOOK_MS);
    const wake = () => {
      if (document.visibilityState === "visible") this.tabs?.wake();
    };
    document.addEventListener("visibilitychange", wake);
    window.addEventListener("pageshow", wake);
    window.addEventListener("online", wake);
    return () => {
      clearInterval(silence);
      clearTimeout(this.timer);
      document.removeEventListener("visibilitychange", wake);
      window.removeEventListener("pageshow", wake);
      window.removeEventListener("online", wake);
      this.tabs?.stop();
      this.tabs = null;
    };
  }

  watch = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  listen(name: string, listener: LogListener): () => void {
    const listeners = this.logs.get(name) ?? new Set();
    this.logs.set(name, listeners.add(listener));
    this.tabs?.want(this.topics());
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.logs.delete(name);
      this.tabs?.want(this.topics());
    };
  }

  private topics(): string[] {
    return [...this.logs.keys()].sort().map((name) => `logs:${name}`);
  }

  private receive(name: EventName, data: unknown): void {
    this.heard();
    if (name === "heartbeat") learnServerTime(String((data as { at?: string } | null)?.at));
    if (name === "log") {
      const { deployment, lines } = data as { deployment: string; lines: LogLine[] };
      for (const listener of this.logs.get(deployment) ?? []) listener(lines);
      return;
    }
    this.batch.push({ name, data });
    this.timer ??= setTimeout(() => this.flush(), BATCH_MS);
  }

  private flush(): void {
    this.timer = undefined;
    const events = this.batch;
    this.batch = [];
    applyEvents(this.client, events);
  }

  private heard(): void {
    this.heardAt = Date.now();
    if (this.state.status !== "live") this.announce("live");
  }

  private setLive(live: boolean): void {
    if (live) this.heard();
    else if (this.state.status !== "reconnecting") {
      const wasLive = this.state.status === "live";
      this.announce("reconnecting");
      if (wasLive) reportError("stream", "The event stream was lost");
    }
  }

  /** A server that hangs, or a leading tab that froze, is learnt of by its silence alone. */
  private checkSilence(): void {
    if (Date.now() - (this.heardAt ?? this.startedAt) > SILENCE_MS) this.setLive(false);
  }

  /** The state is replaced only when its status changes, so that events alone redraw nothing. */
  private announce(status: Status): void {
    this.state = { status, heardAt: this.heardAt };
    for (const watcher of this.watchers) watcher();
  }
}

const StreamContext = createContext<Stream | null>(null);

export function RealtimeProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const stream = useMemo(() => new Stream(client), [client]);

  useEffect(() => stream.start(), [stream]);
  useEffect(() => {
    const observe = () => {
      const list = client.getQueryData<Deployment[]>(keys.deployments);
      if (list) stream.rates.observe(list, Date.now());
    };
    observe();
    return client.getQueryCache().subscribe((event) => {
      if (event.type === "updated" && event.query.queryKey[0] === keys.deployments[0]) observe();
    });
  }, [client, stream]);

  return <StreamContext.Provider value={stream}>{children}</StreamContext.Provider>;
}

function useStream(): Stream {
  const stream = useContext(StreamContext);
  if (!stream) throw new Error("RealtimeProvider is missing");
  return stream;
}

export function useConnection(): State {
  const stream = useStream();
  return useSyncExternalStore(stream.watch, () => stream.state);
}

/** For queries that the stream keeps fresh: how often to poll while it does not. */
export function usePolling(): number | false {
  const stream = useStream();
  return useSyncExternalStore(stream.watch, () =>
    stream.state.status === "live" ? false : POLL_MS,
  );
}

export function useRates(): Rates {
  return useStream().rates;
}

/** Calls `onLines` with each batch of a deployment's new log lines. */
export function useLogTail(name: string, onLines: LogListener): void {
  const stream = useStream();
  const latest = useRef(onLines);
  latest.current = onLines;
  useEffect(() => stream.listen(name, (lines) => latest.current(lines)), [stream, name]);
}

/** The server's time in milliseconds, renewed every second while the page is visible. */
export function useServerNow(everyMs = 1000): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") setNow(serverNow());
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
