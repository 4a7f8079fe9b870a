import { describe, expect, it } from "vitest";
import type { Deployment } from "@/api/types";
import { changeOf } from "./use-remedy";

const d = {
  spec: {
    name: "demo",
    model: "demo",
    arguments: { max_model_len: 99_999, frobnicate: 3 },
    resources: { cpus: 1, tensor_parallel_size: 3 },
  },
} as unknown as Pick<Deployment, "spec">;

describe("changeOf", () => {
  it("sets one argument and keeps the others", () => {
    expect(changeOf(d, "max_model_len", 2048)).toEqual({
      arguments: { max_model_len: 2048, frobnicate: 3 },
    });
  });
  it("takes an argument out where its value is null", () => {
    expect(changeOf(d, "frobnicate", null)).toEqual({ arguments: { max_model_len: 99_999 } });
  });
  it("knows which settings are resources", () => {
    expect(changeOf(d, "tensor_parallel_size", 2)).toEqual({
      resources: { cpus: 1, tensor_parallel_size: 2 },
    });
  });
});
