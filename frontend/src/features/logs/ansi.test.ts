import { expect, test } from "vitest";
import { plain, spans } from "./ansi";

test("colours become spans", () => {
  expect(spans("\u001b[1;31mERROR\u001b[0m done")).toEqual([
    { text: "ERROR", colour: 1, bold: true, dim: false },
    { text: " done", colour: null, bold: false, dim: false },
  ]);
});

test("an extended colour does not leak its numbers", () => {
  expect(spans("\u001b[38;5;31mx\u001b[38;2;1;31;4my")).toEqual([
    { text: "x", colour: null, bold: false, dim: false },
    { text: "y", colour: null, bold: false, dim: false },
  ]);
});

test("cursor movements, titles and control characters vanish; markup stays text", () => {
  expect(plain("\u001b[2K\u001b]0;title\u0007a\u0008b <b>\u001b[0m")).toBe("ab <b>");
});
