import { expect, test } from "vitest";
import { slots } from "./slots";

const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

function calls(most: number) {
  const turn = slots(most);
  const ends = new Map<string, () => void>();
  const started: string[] = [];
  const ask = (name: string, signal = new AbortController().signal) =>
    turn(() => {
      started.push(name);
      return new Promise<string>((resolve) => ends.set(name, () => resolve(name)));
    }, signal);
  return { ask, started, end: (name: string) => ends.get(name)?.() };
}

test("only so many calls run at once, and each end lets the next one start", async () => {
  const { ask, started, end } = calls(2);
  const asked = ["a", "b", "c", "d"].map((name) => ask(name));
  await settled();
  expect(started).toEqual(["a", "b"]);
  end("b");
  await settled();
  expect(started).toEqual(["a", "b", "c"]);
  for (const name of ["a", "c"]) end(name);
  await settled();
  end("d");
  expect(await Promise.all(asked)).toEqual(["a", "b", "c", "d"]);
});

test("a call that is given up while it waits never starts, and keeps no slot", async () => {
  const { ask, started, end } = calls(1);
  void ask("first");
  const leaving = new AbortController();
  const left = ask("left", leaving.signal).catch((error: Error) => error.name);
  const last = ask("last");
  leaving.abort();
  end("first");
  expect(await left).toBe("AbortError");
  await settled();
  end("last");
  expect(await last).toBe("last");
  expect(started).toEqual(["first", "last"]);
});
