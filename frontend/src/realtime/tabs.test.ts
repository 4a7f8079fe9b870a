import { describe, expect, test } from "vitest";
import type { EventName, Source } from "./connection";
import { Tabs } from "./tabs";

/** A bus with BroadcastChannel's meaning: everyone hears but the one who speaks. */
class Bus {
  private readonly members = new Set<{ onmessage: ((event: MessageEvent) => void) | null }>();

  join(): BroadcastChannel {
    const members = this.members;
    const member = {
      onmessage: null as ((event: MessageEvent) => void) | null,
      postMessage(data: unknown) {
        for (const m of members) if (m !== member) m.onmessage?.({ data } as MessageEvent);
      },
      close() {
        members.delete(member);
      },
    };
    members.add(member);
    return member as unknown as BroadcastChannel;
  }
}

/** Web Locks with one exclusive lock, granted in the order of asking. */
class OneLock {
  private queue: (() => void)[] = [];
  private held = false;

  manager(): LockManager {
    const request = (_: string, __: unknown, callback: () => Promise<void>) =>
      new Promise<void>((resolve) => {
        const take = () => {
          this.held = true;
          void callback().then(() => {
            this.held = false;
            resolve();
            this.queue.shift()?.();
          });
        };
        if (this.held) this.queue.push(take);
        else take();
      });
    return { request } as unknown as LockManager;
  }
}

class FakeSource implements Source {
  readyState = 1;
  readonly listeners = new Map<string, (event: MessageEvent) => void>();
  constructor(readonly url: string) {}
  addEventListener(name: string, listener: (event: MessageEvent) => void): void {
    this.listeners.set(name, listener);
  }
  close(): void {
    this.readyState = 2;
  }
  emit(name: string, data: unknown): void {
    this.listeners.get(name)?.({ data: JSON.stringify(data) } as MessageEvent);
  }
}

function browser() {
  const bus = new Bus();
  const lock = new OneLock();
  const sources: FakeSource[] = [];
  const tab = () => {
    const events: [EventName, unknown][] = [];
    const statuses: boolean[] = [];
    const tabs = new Tabs({
      onEvent: (name, data) => events.push([name, data]),
      onStatus: (live) => statuses.push(live),
      open: (url) => {
        const source = new FakeSource(url);
        sources.push(source);
        return source;
      },
      locks: lock.manager(),
      channel: bus.join(),
    });
    return { tabs, events, statuses };
  };
  return { tab, sources, open: () => sources.filter((s) => s.readyState === 1) };
}

describe("tabs of one browser", () => {
  test("share one connection", () => {
    const { tab, open } = browser();
    const first = tab();
    const second = tab();
    expect(open()).toHaveLength(1);
    open()[0]?.emit("deployment", { name: "demo" });
    expect(first.events).toEqual([["deployment", { name: "demo" }]]);
    expect(second.events).toEqual(first.events);
    expect(second.statuses.at(-1)).toBe(true);
  });

  test("open the topics that any of them wants", () => {
    const { tab, open } = browser();
    tab();
    const second = tab();
    second.tabs.want(["logs:demo"]);
    expect(open()).toHaveLength(1);
    expect(open()[0]?.url).toContain("deployments,operations,downloads,logs%3Ademo");
    second.tabs.want([]);
    expect(open()[0]?.url).not.toContain("logs");
  });

  test("go on when the leading tab is closed", async () => {
    const { tab, open } = browser();
    const first = tab();
    const second = tab();
    second.tabs.want(["logs:demo"]);
    first.tabs.stop();
    await expect.poll(() => open().length).toBe(1);
    expect(open()[0]?.url).toContain("logs%3Ademo");
    open()[0]?.emit("heartbeat", {});
    expect(second.events).toEqual([["heartbeat", {}]]);
  });

  test("connect each for itself where the browser has no locks", () => {
    const sources: FakeSource[] = [];
    for (let n = 0; n < 2; n++) {
      new Tabs({
        onEvent: () => undefined,
        onStatus: () => undefined,
        open: (url) => {
          const source = new FakeSource(url);
          sources.push(source);
          return source;
        },
        locks: undefined,
        channel: undefined,
      });
    }
    expect(sources).toHaveLength(2);
  });
});
