import { describe, expect, test } from "vitest";
import { aDeployment } from "@/test/samples";
import { arrange, type Row } from "./rows";

const rows: Row[] = [
  { deployment: aDeployment({ name: "b-10", phase: "ready" }), rate: 5 },
  { deployment: aDeployment({ name: "b-9", phase: "failed" }), rate: null },
  { deployment: aDeployment({ name: "a", phase: "stopped", model: "Qwen/Qwen3" }), rate: 80 },
];
const names = (view: Parameters<typeof arrange>[1]) =>
  arrange(rows, view).map((r) => r.deployment.name);

describe("the list", () => {
  test("counts as people do: 9 before 10", () => {
    expect(names({})).toEqual(["a", "b-9", "b-10"]);
  });

  test("puts trouble first when sorted by state", () => {
    expect(names({ sort: "state" })).toEqual(["b-9", "b-10", "a"]);
  });

  test("sorts unknown figures below known ones", () => {
    expect(names({ sort: "rate", down: true })).toEqual(["a", "b-10", "b-9"]);
  });

  test("finds every word in name, model or phase", () => {
    expect(names({ q: "qwen stop" })).toEqual(["a"]);
    expect(names({ q: "zzz" })).toEqual([]);
    expect(names({ state: "trouble" })).toEqual(["b-9"]);
  });
});
