import { expect, test } from "vitest";
import {
  readDeploymentSearch,
  readListSearch,
  readModelsSearch,
  readMonitoringSearch,
  readRevision,
  safeNext,
} from "./search";

test("nonsense in the address is left out", () => {
  expect(readListSearch({ q: 7, state: "<script>", sort: "rate", down: "yes" })).toEqual({
    q: "7",
    sort: "rate",
  });
  expect(readDeploymentSearch({ tab: "nope" })).toEqual({});
  expect(readDeploymentSearch({ tab: "config" })).toEqual({ tab: "config" });
});

test("after logging in one never lands on another site", () => {
  expect(safeNext("/deployments?q=a")).toBe("/deployments?q=a");
  for (const bad of [
    undefined,
    "",
    "https://evil.test",
    "//evil.test",
    "/\\evil.test",
    "javascript:x",
  ])
    expect(safeNext(bad)).toBe("/");
});

test("a search for models is read with care", () => {
  expect(readModelsSearch({ q: 7, sort: "likes", task: "", license: null })).toEqual({
    q: "7",
    sort: "likes",
  });
  expect(readModelsSearch({ sort: "by-magic", size: "huge" })).toEqual({});
  expect(readModelsSearch({ size: "1b-4b", library: "vllm" })).toEqual({
    size: "1b-4b",
    library: "vllm",
  });
  expect(readRevision({ revision: "" })).toEqual({});
  expect(readRevision({ revision: 17 })).toEqual({ revision: "17" });
});

test("what is watched, and how far back, is read with care", () => {
  expect(readMonitoringSearch({ range: "7d", view: "gpus", node: 4 })).toEqual({
    range: "7d",
    view: "gpus",
    node: "4",
  });
  expect(readMonitoringSearch({ range: "1y", view: "", deployment: null })).toEqual({});
});
