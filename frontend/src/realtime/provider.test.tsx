import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, test, vi } from "vitest";
import { RealtimeProvider, useConnection } from "./provider";

const HEARTBEAT_MS = 4_000;

class FakeStream extends EventTarget {
  static opened: FakeStream[] = [];
  readyState = 1;
  constructor() {
    super();
    FakeStream.opened.push(this);
  }
  close() {}
  beat() {
    const data = JSON.stringify({ at: new Date().toISOString() });
    this.dispatchEvent(new MessageEvent("heartbeat", { data }));
  }
}

function Status() {
  return <p>{useConnection().status}</p>;
}

const stream = () => FakeStream.opened.at(-1) as FakeStream;
const pass = (ms: number) => act(() => vi.advanceTimersByTime(ms));

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("EventSource", FakeStream);
  vi.stubGlobal("BroadcastChannel", undefined);
  FakeStream.opened = [];
  render(
    <QueryClientProvider client={new QueryClient()}>
      <RealtimeProvider>
        <Status />
      </RealtimeProvider>
    </QueryClientProvider>,
  );
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("heartbeats keep the page live; ten seconds of silence do not", () => {
  for (let n = 0; n < 10; n++) {
    act(() => stream().beat());
    pass(HEARTBEAT_MS);
    screen.getByText("live");
  }
  pass(10_000 - HEARTBEAT_MS);
  screen.getByText("reconnecting");
});

test("a stream that can't be opened is said at its first error", () => {
  screen.getByText("connecting");
  act(() => {
    stream().readyState = 2;
    stream().dispatchEvent(new Event("error"));
  });
  screen.getByText("reconnecting");
});

test("a stream on which nothing is ever said is lost after ten seconds", () => {
  pass(10_000);
  screen.getByText("reconnecting");
  act(() => stream().beat());
  screen.getByText("live");
});
