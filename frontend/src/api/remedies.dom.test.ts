import { HttpResponse, http } from "msw";
import { afterEach, describe, expect, it } from "vitest";
import "@/api/client";
import { api, server } from "@/test/server";
import { addressOf, changeOf, placeOf, prepare, settingsOf } from "./remedies";
import type { Deployment, Remedy } from "./types";

const d = {
  spec: {
    name: "demo",
    model: "demo",
    arguments: { max_model_len: 99_999, frobnicate: 3 },
    resources: { cpus: 1, tensor_parallel_size: 3 },
  },
} as unknown as Pick<Deployment, "spec">;

const remedy = (action: Remedy["action"], told: Record<string, unknown>): Remedy => ({
  label: "Mend it",
  action: action ?? "none",
  arguments: told,
});

describe("changeOf", () => {
  it("sets one argument and keeps the others", () => {
    expect(changeOf(d, { max_model_len: 2048 })).toEqual({
      arguments: { max_model_len: 2048, frobnicate: 3 },
    });
  });
  it("takes an argument out where its value is null", () => {
    expect(changeOf(d, { frobnicate: null })).toEqual({ arguments: { max_model_len: 99_999 } });
  });
  it("makes one change of settings that go together", () => {
    const given = { name: "tensor_parallel_size", value: 2, also: { gpus: 2, replicas: 1 } };
    expect(changeOf(d, settingsOf(remedy("set_argument", given)))).toEqual({
      resources: { cpus: 1, tensor_parallel_size: 2, gpus: 2 },
      replicas: 1,
    });
  });
});

describe("addresses", () => {
  it("are opened elsewhere over https only", () => {
    expect(addressOf(remedy("visit", { url: "https://hf.co/a/b" }))).toBe("https://hf.co/a/b");
    expect(addressOf(remedy("visit", { url: "javascript:alert(1)" }))).toBeNull();
    expect(addressOf(remedy("open", { url: "https://hf.co/a/b" }))).toBeNull();
  });
  it("of pages are ours", () => {
    const to = (path: string) => placeOf(remedy("open", { path }));
    expect(to("/library?unused=true")).toEqual({ to: "/library", search: { unused: true } });
    expect(to("/deployments/a?tab=logs")).toEqual({
      to: "/deployments/a",
      search: { tab: "logs" },
    });
    expect(to("//elsewhere")).toEqual({ to: "/", search: {} });
  });
});

describe("prepare", () => {
  const asked: [string, unknown][] = [];
  const operation = (status: string, error: unknown = null) => ({ id: "op_1", status, error });
  afterEach(() => {
    asked.length = 0;
  });
  const takes = (verb: "post" | "put", path: string, answer: object, status = 202) =>
    http[verb](api(path), async ({ request }) => {
      const text = await request.text();
      asked.push([new URL(request.url).pathname, text ? JSON.parse(text) : null]);
      return HttpResponse.json(answer, { status });
    });

  it("has damaged files fetched, and waits until they are known", async () => {
    const damaged = { code: "model_damaged", title: "T", detail: "D", status: 422, type: "t" };
    server.use(
      takes("post", "/models/:id/verify", { operation: operation("running") }),
      http.get(api("/operations/op_1"), () => HttpResponse.json(operation("failed", damaged))),
    );
    await prepare(remedy("refetch", { model_id: "org--name@1" }), "");
    expect(asked).toEqual([["/api/v1/models/org--name%401/verify", { refetch: true }]]);
  });
  it("asks for a download", async () => {
    server.use(takes("post", "/downloads", { id: "dl_1" }));
    await prepare(remedy("download", { repo: "org/name", revision: "main" }), "");
    expect(asked).toEqual([["/api/v1/downloads", { repo: "org/name", revision: "main" }]]);
  });
  it("sets the token that was typed", async () => {
    server.use(takes("put", "/catalog/token", {}, 200));
    await prepare(remedy("set_token", { scope: "installation" }), "hf_x");
    expect(asked).toEqual([["/api/v1/catalog/token", { token: "hf_x" }]]);
  });
  it("fails where the other deployment did not stop", async () => {
    const error = { code: "engine_lost", title: "T", detail: "It hangs.", status: 503, type: "t" };
    server.use(takes("post", "/deployments/other/stop", { operation: operation("failed", error) }));
    await expect(prepare(remedy("stop", { name: "other" }), "")).rejects.toThrow("It hangs.");
  });
});
