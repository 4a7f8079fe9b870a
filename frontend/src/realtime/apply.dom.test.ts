import { QueryClient } from "@tanstack/react-query";
import { describe, expect, test } from "vitest";
import type { Download } from "@/api/gen";
import { keys } from "@/api/queries";
import type { Deployment, Operation } from "@/api/types";
import { aDeployment, anOperation } from "@/test/samples";
import { applyEvents, mergeDownloads } from "./apply";

const at = (second: number) => `2026-11-23T10:00:${String(second).padStart(2, "0")}Z`;

function cache(deployments: Deployment[], operations: Operation[] = []) {
  const client = new QueryClient();
  client.setQueryData(keys.deployments, deployments);
  client.setQueryData(keys.operations, operations);
  for (const d of deployments) client.setQueryData(keys.deployment(d.name), d);
  return {
    client,
    list: () => client.getQueryData<Deployment[]>(keys.deployments) ?? [],
    one: (name: string) => client.getQueryData<Deployment>(keys.deployment(name)),
    operations: () => client.getQueryData<Operation[]>(keys.operations) ?? [],
  };
}

describe("events of the stream", () => {
  test("change the list and the page of the deployment", () => {
    const { client, list, one } = cache([aDeployment({ name: "a" }), aDeployment({ name: "b" })]);
    const changed = aDeployment({ name: "b", phase: "degraded", updated_at: at(5) });
    applyEvents(client, [{ name: "deployment", data: changed }]);
    expect(list().map((d) => d.phase)).toEqual(["ready", "degraded"]);
    expect(one("b")?.phase).toBe("degraded");
  });

  test("that come late change nothing", () => {
    const { client, list } = cache([aDeployment({ phase: "ready", updated_at: at(9) })]);
    const late = aDeployment({ phase: "loading", updated_at: at(3) });
    applyEvents(client, [{ name: "deployment", data: late }]);
    expect(list()[0]?.phase).toBe("ready");
  });

  test("about a new deployment of an old name are taken", () => {
    const { client, list } = cache([aDeployment({ updated_at: at(9) })]);
    const anew = { ...aDeployment({ phase: "queued", updated_at: at(3) }), uid: "dep_new" };
    applyEvents(client, [{ name: "deployment", data: anew }]);
    expect(list()[0]?.uid).toBe("dep_new");
  });

  test("remove what was deleted, also within one batch", () => {
    const { client, list } = cache([aDeployment({ name: "a" })]);
    applyEvents(client, [
      { name: "deployment", data: aDeployment({ name: "b", updated_at: at(1) }) },
      { name: "deployment_deleted", data: { name: "b" } },
    ]);
    expect(list().map((d) => d.name)).toEqual(["a"]);
  });

  test("a snapshot replaces everything that was known", () => {
    const { client, list, operations } = cache([aDeployment({ name: "gone" })]);
    const data = { deployments: [aDeployment({ name: "here" })], operations: [anOperation()] };
    applyEvents(client, [{ name: "snapshot", data }]);
    expect(list().map((d) => d.name)).toEqual(["here"]);
    expect(operations()).toHaveLength(1);
  });

  test("operations are kept newest first, each once", () => {
    const { client, operations } = cache([], [anOperation({ id: "op_1", created_at: at(1) })]);
    applyEvents(client, [
      { name: "operation", data: anOperation({ id: "op_2", created_at: at(2) }) },
      { name: "operation", data: anOperation({ id: "op_1", created_at: at(1), status: "failed" }) },
    ]);
    expect(operations().map((o) => `${o.id} ${o.status}`)).toEqual(["op_2 running", "op_1 failed"]);
  });
});

test("downloads are replaced by newer ones only, newest first", () => {
  const at = (id: string, second: number, bytes_done: number) =>
    ({
      id,
      bytes_done,
      created_at: `2026-11-23T10:00:0${id}Z`,
      updated_at: `2026-11-23T10:01:0${second}Z`,
    }) as Download;
  const held = [at("2", 5, 50), at("1", 5, 10)];
  const merged = mergeDownloads(held, [at("1", 6, 20), at("2", 4, 40), at("3", 1, 0)]);
  expect(merged.map((d) => [d.id, d.bytes_done])).toEqual([
    ["3", 0],
    ["2", 50],
    ["1", 20],
  ]);
});
