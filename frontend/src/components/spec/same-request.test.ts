import { expect, test } from "vitest";
import type { Config } from "@/api/gen";
import { asCli, asCurl, asJson } from "./same-request";

const spec = {
  name: "qwen",
  model: "Qwen/Qwen3-32B",
  replicas: 2,
  resources: { cpus: 1, gpus: null, tensor_parallel_size: 2, pipeline_parallel_size: 1 },
  arguments: { max_model_len: 1024, enforce_eager: true },
  environment: { GREETING: "it's fine" },
};

test("JSON leaves out what has its default", () => {
  expect(JSON.parse(asJson({ name: "demo", model: "demo", replicas: 1 }))).toEqual({
    name: "demo",
    model: "demo",
  });
  expect(JSON.parse(asJson(spec))).toMatchObject({ resources: { tensor_parallel_size: 2 } });
});

test("that nobody may wait is said, too", () => {
  const bound = { ...spec, max_concurrent_requests: 8, max_queued_requests: 0 };
  expect(JSON.parse(asJson(bound))).toMatchObject({ max_queued_requests: 0 });
  expect(asCli(bound)).toContain("--max-concurrent-requests 8 --max-queued-requests 0");
});

test("the shell gets each value in one piece", () => {
  expect(asCli(spec)).toBe(
    "vllm-manager deploy qwen --model Qwen/Qwen3-32B --replicas 2 --tp 2 " +
      "--arg max_model_len=1024 --arg enforce_eager=true --env 'GREETING=it'\\''s fine'",
  );
  expect(asCurl(spec, "http://h:1")).toContain("it'\\''s fine");
});

test("a deployment made from a config names it, and only what differs", () => {
  const config = {
    name: "chat",
    version: 3,
    recipe: { ...spec, name: undefined },
  } as unknown as Config;
  const changed = { ...spec, replicas: 4 };
  expect(asCli(changed, { config })).toBe("vllm-manager deploy qwen --config chat@3 --replicas 4");
  expect(JSON.parse(asJson(changed, { config }))).toEqual({
    name: "qwen",
    config: { name: "chat", version: 3 },
    replicas: 4,
  });
});

test("a request that overrules the estimate says so", () => {
  const asked = { force: true };
  expect(asCli(spec, asked)).toMatch(/ --force$/);
  expect(JSON.parse(asJson(spec, asked))).toMatchObject({ force: true });
  expect(asCurl(spec, "http://h:1", asked)).toContain('"force":true');
});
