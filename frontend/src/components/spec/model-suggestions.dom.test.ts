import { expect, test } from "vitest";
import { step } from "../combobox";
import { ranked } from "./model-suggestions";

const local = [
  { value: "demo", hint: "Demo model" },
  { value: "acme/kept", hint: "on disk" },
];
const values = (typed: string, found: string[]) => ranked(typed, local, found).map((s) => s.value);

test("what is on disk stands first, and each id once", () => {
  expect(values("acme", ["acme/new", "acme/kept"])).toEqual(["acme/kept", "acme/new"]);
});

test("an answer to earlier words is left out, and words may stand apart", () => {
  expect(values("acme tiny", ["acme/new", "acme/so-tiny"])).toEqual(["acme/so-tiny"]);
});

test("a whole id is an answer already: the others on disk are offered beside it", () => {
  expect(values("demo", [])).toEqual(["demo", "acme/kept"]);
});

test("arrows go around, past the text itself", () => {
  expect([step(-1, 1, 2), step(1, 1, 2), step(-1, -1, 2), step(0, -1, 2)]).toEqual([0, -1, 1, -1]);
  expect(step(-1, 1, 0)).toBe(-1);
});
