/** Keeps one EventSource open, for ever: watchdog, endless back-off, and a fresh start on waking. */

import { backoffMs } from "./backoff";

export const EVENT_NAMES = [
  "snapshot",
  "deployment",
  "deployment_deleted",
  "operation",
  "download",
  "log",
  "heartbeat",
  "resync",
] as const;
export type EventName = (typeof EVENT_NAMES)[number];

/** Heartbeats come every 4 s: after this long without any event the connection is dead. */
const WATCHDOG_MS = 25_000;
const CLOSED = 2;

export interface Source {
  readonly readyState: number;
  addEventListener(name: string, listener: (event: MessageEvent) => void): void;
  close(): void;
}

export interface ConnectionHooks {
  open: (url: string) => Source;
  onEvent: (name: EventName, data: unknown) => void;
  onStatus: (live: boolean) => void;
}

export class Connection {
  private source: Source | null = null;
  private watchdog: ReturnType<typeof setTimeout> | undefined;
  private wait: ReturnType<typeof setTimeout> | undefined;
  private attempts = 0;
  private topics: readonly string[] = [];
  private lastEventId = "";
  private stopped = false;

  constructor(private readonly hooks: ConnectionHooks) {}

  /** Opens with these topics; does nothing if they are the same and the source is open. */
  subscribe(topics: readonly string[]): void {
    if (this.source && topics.join() === this.topics.join()) return;
    this.topics = topics;
    this.attempts = 0;
    this.connect();
  }

  /** Starts afresh at once: the machine woke, or the network is back. */
  wake(): void {
    if (this.source && this.source.readyState !== CLOSED && this.attempts === 0) return;
    this.attempts = 0;
    this.connect();
  }

  stop(): void {
    this.stopped = true;
    this.drop();
    clearTimeout(this.wait);
  }

  private connect(): void {
    if (this.stopped) return;
    this.drop();
    clearTimeout(this.wait);
    const source = this.hooks.open(this.address());
    this.source = source;
    this.feedWatchdog();
    for (const name of EVENT_NAMES) {
      source.addEventListener(name, (event) => this.receive(source, name, event));
    }
    source.addEventListener("error", () => this.fail(source));
  }

  /** A source of our own making can't send the header, so the last id goes into the address. */
  private address(): string {
    const topics = this.topics.map(encodeURIComponent).join(",");
    const after = this.lastEventId ? `&last_event_id=${encodeURIComponent(this.lastEventId)}` : "";
    return `/api/v1/events?topics=${topics}${after}`;
  }

  private receive(source: Source, name: EventName, event: MessageEvent): void {
    if (source !== this.source) return;
    this.attempts = 0;
    if (event.lastEventId) this.lastEventId = event.lastEventId;
    this.feedWatchdog();
    this.hooks.onStatus(true);
    this.hooks.onEvent(name, parse(event.data));
  }

  private fail(source: Source): void {
    if (source !== this.source) return;
    this.hooks.onStatus(false);
    // A dropped connection is retried by the browser itself with Last-Event-ID, which the server
    // can answer with what was missed; only a closed one (a refusal) needs a new source. The
    // watchdog ends the browser's own attempts when they lead nowhere.
    if (source.readyState === CLOSED) this.again();
  }

  private again(): void {
    this.drop();
    this.hooks.onStatus(false);
    clearTimeout(this.wait);
    this.wait = setTimeout(() => this.connect(), backoffMs(this.attempts++));
  }

  private feedWatchdog(): void {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => this.again(), WATCHDOG_MS);
  }

  private drop(): void {
    clearTimeout(this.watchdog);
    this.source?.close();
    this.source = null;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
