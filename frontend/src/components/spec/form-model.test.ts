import { describe, expect, test } from "vitest";
import type { EngineArgument } from "@/api/types";
import { check, EMPTY, type FormValues, fieldOf, fromSpec, parseValue, toSpec } from "./form-model";

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
