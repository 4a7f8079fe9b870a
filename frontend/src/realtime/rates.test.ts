import { describe, expect, test } from "vitest";
import { RateMeter, sumKnown } from "./rates";

describe("tokens per second", () => {
  test("is unknown until two looks are apart", () => {
    const meter = new RateMeter();
    expect(meter.perSecond(0)).toBeNull();
    meter.add(100, 0);
    expect(meter.perSecond(500)).toBeNull();
  });

  test("is the growth over the last ten seconds", () => {
    const meter = new RateMeter();
    for (let s = 0; s <= 20; s += 2) meter.add(s * 50, s * 1000);
    expect(meter.perSecond(20_000)).toBe(50);
  });

  test("falls to zero when the counter stands still", () => {
    const meter = new RateMeter();
    meter.add(0, 0);
    meter.add(500, 2_000);
    expect(meter.perSecond(20_000)).toBe(0);
  });

  test("starts again when an engine was restarted", () => {
    const meter = new RateMeter();
    meter.add(900, 0);
    meter.add(1_000, 2_000);
    meter.add(10, 4_000);
    meter.add(30, 6_000);
    expect(meter.perSecond(6_000)).toBe(10);
  });
});

test("a sum of unknowns is unknown, never zero", () => {
  expect(sumKnown([null, undefined])).toBeNull();
  expect(sumKnown([null, 0, 2])).toBe(2);
});
