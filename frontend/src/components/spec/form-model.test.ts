import { describe, expect, test } from "vitest";
import type { EngineArgument } from "@/api/types";
import {
  check,
  differing,
  EMPTY,
  type FormValues,
  fieldOf,
  fromSpec,
  parseValue,
  placeOf,
  toSpec,
  withArguments,
} from "./form-model";

const known = [
  { name: "max_num_seqs", type: "integer" },
  { name: "enforce_eager", type: "boolean" },
  { name: "chat_template", type: "string" },
  { name: "lora_modules", type: "list" },
] as EngineArgument[];

const filled: FormValues = {
  ...EMPTY,
  name: "qwen",
  context: "1024",
  args: [
    { key: "--max-num-seqs", value: "48" },
    { key: "enforce_eager", value: "" },
    { key: "", value: "left out" },
  ],
  env: [{ key: "OMP_NUM_THREADS", value: "2" }],
};

describe("a form becomes a specification", () => {
  test("with what may wait for its turn, of which none is a figure too", () => {
    const values = { ...filled, concurrent: "8", queued: "0", queueWait: "2.5" };
    const spec = toSpec(values, known);
    expect(spec).toMatchObject({
      max_concurrent_requests: 8,
      max_queued_requests: 0,
      queue_wait_seconds: 2.5,
    });
    expect(fromSpec(spec)).toMatchObject({ concurrent: "8", queued: "0", queueWait: "2.5" });
    expect(check({ ...values, queued: "-1" }, new Set())).toHaveLength(1);
    expect(fieldOf("queue_wait_seconds", values)).toBe("queueWait");
  });

  test("with values of the engine's own types", () => {
    expect(toSpec(filled, known)).toMatchObject({
      name: "qwen",
      model: "demo",
      resources: { cpus: 1, gpus: null, tensor_parallel_size: 1 },
      arguments: { max_model_len: 1024, max_num_seqs: 48, enforce_eager: true },
      environment: { OMP_NUM_THREADS: "2" },
    });
  });

  test("and back again", () => {
    const spec = toSpec(filled, known);
    expect(toSpec(fromSpec(spec), known)).toEqual(spec);
  });

  test("a text stays a text even if it looks like a number", () => {
    expect(parseValue("7", "string")).toBe("7");
    expect(parseValue("a b", "list")).toEqual(["a", "b"]);
    expect(parseValue("25.6k", "integer")).toBe("25.6k");
  });
});

describe("what can be said before asking the server", () => {
  test("a good form has no problems", () => expect(check(filled, new Set())).toEqual([]));

  test.each<[Partial<FormValues>, string]>([
    [{ name: "" }, "name"],
    [{ name: "Bad Name" }, "name"],
    [{ name: "taken" }, "name"],
    [{ model: " " }, "model"],
    [{ replicas: "0" }, "replicas"],
    [{ gpus: "-1" }, "gpus"],
    [{ tensor: "1.5" }, "tensor"],
    [{ cpus: "many" }, "cpus"],
    [
      {
        args: [
          { key: "a", value: "1" },
          { key: "--a", value: "2" },
        ],
      },
      "args.1.key",
    ],
  ])("%j is wrong in %s", (change, field) => {
    const problems = check({ ...filled, ...change }, new Set(["taken"]));
    expect(problems.map((p) => p.field)).toEqual([field]);
  });
});

test("the server's paths find their fields", () => {
  expect(fieldOf("resources.tensor_parallel_size", filled)).toBe("tensor");
  expect(fieldOf("body.name", filled)).toBe("name");
  expect(fieldOf("arguments.max_model_len", filled)).toBe("context");
  expect(fieldOf("arguments.max_num_seqs", filled)).toBe("args.0.value");
  expect(fieldOf("arguments.max_num_seqs", filled, true)).toBe("args.0.key");
  expect(fieldOf("environment.OMP_NUM_THREADS", filled)).toBe("env.0.value");
  expect(fieldOf("something.new", filled)).toBe("root");
});

describe("a form that was filled from a config", () => {
  const recipe = {
    model: "acme/chat",
    replicas: 1,
    arguments: { max_model_len: 1024, max_num_seqs: 8 },
    environment: {},
    resources: { cpus: 1, gpus: null, tensor_parallel_size: 1, pipeline_parallel_size: 1 },
  };
  const unchanged = { ...fromSpec({ name: "a", ...recipe }), name: "a" };

  test("sends nothing but its name where nothing was changed", () => {
    expect(differing(toSpec(unchanged, known), recipe)).toEqual({});
  });

  test("sends what was changed, and null for an argument that was taken out", () => {
    const changed = { ...unchanged, context: "2048", args: [], replicas: "2" };
    expect(differing(toSpec(changed, known), recipe)).toEqual({
      replicas: 2,
      arguments: { max_model_len: 2048, max_num_seqs: null },
    });
  });
});

describe("a value that the server suggests", () => {
  test("has its field, its row, or a row yet to be added", () => {
    expect(placeOf("arguments.max_model_len", filled)).toBe("context");
    expect(placeOf("resources.tensor_parallel_size", filled)).toBe("tensor");
    expect(placeOf("arguments.max_num_seqs", filled)).toBe("args.0.value");
    expect(placeOf("arguments.kv_cache_dtype", filled)).toEqual({ argument: "kv_cache_dtype" });
  });

  test("of a preset replaces what stood there under any spelling", () => {
    const args = withArguments(filled, { max_num_seqs: 4, max_model_len: 99 });
    expect(args.context).toBe("99");
    expect(args.args.filter((pair) => pair.key.includes("seqs"))).toEqual([
      { key: "max_num_seqs", value: "4" },
    ]);
  });
});
