import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { backoffMs, LONGEST_MS } from "./backoff";
import { Connection, type EventName, type Source } from "./connection";

class FakeSource implements Source {
  readyState = 1;
  closed = false;
  private readonly listeners = new Map<string, (event: MessageEvent) => void>();

  constructor(readonly url: string) {}

  addEventListener(name: string, listener: (event: MessageEvent) => void): void {
    this.listeners.set(name, listener);
  }

  close(): void {
    this.closed = true;
    this.readyState = 2;
  }

  emit(name: string, data: unknown = {}, lastEventId = ""): void {
    this.listeners.get(name)?.({ data: JSON.stringify(data), lastEventId } as MessageEvent);
  }
}

function start() {
  const sources: FakeSource[] = [];
  const events: [EventName, unknown][] = [];
  const statuses: boolean[] = [];
  const connection = new Connection({
    open: (url) => {
      const source = new FakeSource(url);
      sources.push(source);
      return source;
    },
    onEvent: (name, data) => events.push([name, data]),
    onStatus: (live) => statuses.push(live),
  });
  const last = () => sources[sources.length - 1] as FakeSource;
  return { connection, sources, events, statuses, last };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a connection", () => {
  test("names its topics and passes events on", () => {
    const { connection, events, statuses, last } = start();
    connection.subscribe(["deployments", "logs:demo"]);
    expect(last().url).toBe("/api/v1/events?topics=deployments,logs%3Ademo");
    last().emit("deployment", { name: "demo" });
    expect(events).toEqual([["deployment", { name: "demo" }]]);
    expect(statuses).toEqual([true]);
  });

  test("is replaced when no heartbeat comes for 25 s", () => {
    const { connection, sources, statuses, last } = start();
    connection.subscribe(["deployments"]);
    last().emit("heartbeat");
    vi.advanceTimersByTime(24_000);
    last().emit("heartbeat");
    vi.advanceTimersByTime(24_000);
    expect(sources).toHaveLength(1);
    vi.advanceTimersByTime(2_000);
    expect(statuses.at(-1)).toBe(false);
    vi.advanceTimersByTime(1_000);
    expect(sources).toHaveLength(2);
    expect(sources[0]?.closed).toBe(true);
  });

  test("never gives up after refusals", () => {
    const { connection, sources, last } = start();
    connection.subscribe(["deployments"]);
    for (let n = 1; n <= 40; n++) {
      last().readyState = 2;
      last().emit("error");
      vi.advanceTimersByTime(LONGEST_MS);
      expect(sources).toHaveLength(n + 1);
    }
  });

  test("leaves a dropped connection to the browser, which sends Last-Event-ID", () => {
    const { connection, sources, statuses, last } = start();
    connection.subscribe(["deployments"]);
    last().readyState = 0;
    last().emit("error");
    vi.advanceTimersByTime(5_000);
    expect(sources).toHaveLength(1);
    expect(statuses).toEqual([false]);
  });

  test("connects at once on waking", () => {
    const { connection, sources, last } = start();
    connection.subscribe(["deployments"]);
    last().readyState = 2;
    last().emit("error");
    connection.wake();
    expect(sources).toHaveLength(2);
  });

  test("asks for what it missed when it opens a new source", () => {
    const { connection, last } = start();
    connection.subscribe(["deployments"]);
    last().emit("deployment", {}, "epoch.7");
    connection.subscribe(["deployments", "logs:demo"]);
    expect(last().url).toContain("last_event_id=epoch.7");
  });

  test("says nothing after it was stopped", () => {
    const { connection, sources, events } = start();
    connection.subscribe(["deployments"]);
    connection.stop();
    sources[0]?.emit("heartbeat");
    vi.advanceTimersByTime(120_000);
    expect(events).toEqual([]);
    expect(sources).toHaveLength(1);
  });
});

test("back-off grows and stays within 15 s", () => {
  expect(backoffMs(0, () => 1)).toBe(500);
  expect(backoffMs(3, () => 1)).toBe(4_000);
  expect(backoffMs(1_000, () => 1)).toBe(15_000);
  expect(backoffMs(1_000, () => 0)).toBeGreaterThan(10_000);
});
