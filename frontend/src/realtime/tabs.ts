/**
 * One connection per browser: the tab that holds a Web Lock connects and tells the others over a
 * BroadcastChannel. Where either is missing, each tab connects for itself.
 */

import { Connection, type EventName, type Source } from "./connection";

const LOCK = "vllm-manager-events";
const BASE_TOPICS = ["deployments", "operations", "downloads"];

type Message =
  | { kind: "event"; name: EventName; data: unknown }
  | { kind: "status"; live: boolean }
  | { kind: "topics"; tab: string; topics: readonly string[] }
  | { kind: "leader" }
  | { kind: "gone"; tab: string };

export interface TabsHooks {
  onEvent: (name: EventName, data: unknown) => void;
  onStatus: (live: boolean) => void;
  open?: (url: string) => Source;
  locks?: LockManager | undefined;
  channel?: BroadcastChannel | undefined;
}

export class Tabs {
  private readonly id = crypto.randomUUID();
  private readonly channel: BroadcastChannel | undefined;
  private readonly wanted = new Map<string, readonly string[]>();
  private readonly abort = new AbortController();
  private connection: Connection | null = null;
  private topics: readonly string[] = [];
  private live = false;

  constructor(private readonly hooks: TabsHooks) {
    this.channel = hooks.channel;
    if (this.channel && hooks.locks) {
      this.channel.onmessage = (event: MessageEvent<Message>) => this.hear(event.data);
      this.campaign(hooks.locks);
      this.tell({ kind: "topics", tab: this.id, topics: this.topics });
    } else {
      this.lead();
    }
  }

  /** The topics that this tab wants besides deployments and operations. */
  want(topics: readonly string[]): void {
    this.topics = topics;
    this.wanted.set(this.id, topics);
    if (this.connection) this.subscribe();
    else this.tell({ kind: "topics", tab: this.id, topics });
  }

  wake(): void {
    this.connection?.wake();
  }

  stop(): void {
    this.tell({ kind: "gone", tab: this.id });
    this.abort.abort();
    this.connection?.stop();
    this.channel?.close();
  }

  private campaign(locks: LockManager): void {
    locks
      .request(LOCK, { signal: this.abort.signal }, () => {
        this.lead();
        // The lock is held until the tab goes or stops.
        return new Promise<void>((resolve) => {
          this.abort.signal.addEventListener("abort", () => resolve());
        });
      })
      .catch((error: unknown) => {
        // Stopped while waiting for the lock is no failure; a refusal of locks is: connect alone.
        if (!this.abort.signal.aborted && error) this.lead();
      });
  }

  private lead(): void {
    if (this.connection || this.abort.signal.aborted) return;
    this.connection = new Connection({
      open: this.hooks.open ?? ((url) => new EventSource(url)),
      onEvent: (name, data) => {
        this.hooks.onEvent(name, data);
        this.tell({ kind: "event", name, data });
      },
      onStatus: (live) => {
        if (live !== this.live) this.tell({ kind: "status", live });
        this.live = live;
        this.hooks.onStatus(live);
      },
    });
    this.wanted.set(this.id, this.topics);
    this.tell({ kind: "leader" });
    this.subscribe();
  }

  private subscribe(): void {
    const extra = new Set([...this.wanted.values()].flat());
    this.connection?.subscribe([...BASE_TOPICS, ...[...extra].sort()]);
  }

  private hear(message: Message): void {
    if (message.kind === "event") {
      this.hooks.onStatus(true);
      this.hooks.onEvent(message.name, message.data);
    } else if (message.kind === "status") {
      this.hooks.onStatus(message.live);
    } else if (message.kind === "leader") {
      this.tell({ kind: "topics", tab: this.id, topics: this.topics });
    } else if (this.connection) {
      this.listenFor(message);
    }
  }

  private listenFor(message: Extract<Message, { kind: "topics" | "gone" }>): void {
    if (message.kind === "topics") this.wanted.set(message.tab, message.topics);
    else this.wanted.delete(message.tab);
    this.subscribe();
    this.tell({ kind: "status", live: this.live });
  }

  private tell(message: Message): void {
    this.channel?.postMessage(message);
  }
}
