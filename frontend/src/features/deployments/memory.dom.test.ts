import { expect, test } from "vitest";
import { paceOf } from "./fetch-card";
import { offBy } from "./memory-card";

test("an error is a share with its sign; unknown is no number", () => {
  expect(offBy(0.031)).toBe("+3.1 %");
  expect(offBy(-0.2)).toBe("-20 %");
  expect(offBy(null)).toBe("–");
});

test("a pace leaves out what is not known", () => {
  const fetch = {
    state: "running" as const,
    download_id: "dl_1",
    path: null,
    bytes_done: 1024 ** 3,
    bytes_total: 4 * 1024 ** 3,
    bytes_per_second: null,
    eta_seconds: null,
    stalled: false,
  };
  expect(paceOf(fetch)).toBe("1 GiB of 4 GiB");
  expect(paceOf({ ...fetch, bytes_per_second: 1024 ** 2, eta_seconds: 62 })).toBe(
    "1 GiB of 4 GiB · 1 MiB/s · 1 min 02 s left",
  );
});
