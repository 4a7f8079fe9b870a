/** What a remedy changes before its deployment is started again. The command line does the same. */

import { data } from "./client";
import { createDownload, getOperation, putHubToken, stopDeployment, verifyModel } from "./gen";
import { ApiError } from "./problem";
import type { Deployment, DeploymentChange, Operation, Remedy } from "./types";

const RESOURCES = new Set(["cpus", "gpus", "tensor_parallel_size", "pipeline_parallel_size"]);
const POLL_MILLISECONDS = 500;

/** The change that settings mean; null takes an argument out. */
export function changeOf(
  d: Pick<Deployment, "spec">,
  settings: Readonly<Record<string, unknown>>,
): DeploymentChange {
  const change: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(settings)) {
    const key = name.replace(/^(arguments|resources)\./, "");
    if (key === "replicas") change.replicas = Number(value);
    else {
      const part = RESOURCES.has(key) ? "resources" : "arguments";
      const held = { ...((change[part] ?? d.spec[part]) as Record<string, unknown>), [key]: value };
      if (part === "arguments" && value === null) delete held[key];
      change[part] = held;
    }
  }
  return change as DeploymentChange;
}

/** The settings of a `set_argument` remedy, with those that go with it. */
export function settingsOf(remedy: Remedy): Record<string, unknown> {
  const { name, value, also } = remedy.arguments ?? {};
  return { [String(name)]: value, ...(also as Record<string, unknown> | undefined) };
}

/** The address of a `visit` remedy; null where it is none that may be opened. */
export function addressOf(remedy: Remedy): string | null {
  const url = remedy.arguments?.url;
  return remedy.action === "visit" && typeof url === "string" && /^https:\/\//i.test(url)
    ? url
    : null;
}

/** Where an `open` remedy leads. They come from our own server, but an address is still only one of ours. */
export function placeOf(remedy: Remedy): { to: string; search: Record<string, unknown> } {
  const path = remedy.arguments?.path;
  const own = typeof path === "string" && /^\/[^/\\]/.test(path) ? path : "/";
  const [to = "/", query = ""] = own.split("?", 2);
  const read = (text: string) => (text === "true" ? true : text);
  const search = [...new URLSearchParams(query)].map(([name, text]) => [name, read(text)]);
  return { to, search: Object.fromEntries(search) as Record<string, unknown> };
}

/** Do what a remedy does besides starting its deployment again; `token` is for `set_token`. */
export async function prepare(remedy: Remedy, token: string): Promise<void> {
  const told = (remedy.arguments ?? {}) as Record<string, string>;
  switch (remedy.action) {
    case "refetch": {
      const path = { model_id: String(told.model_id) };
      const { operation } = await data(verifyModel({ path, body: { refetch: true } }));
      await settled(operation, ["model_damaged"]);
      return;
    }
    case "download":
      await data(
        createDownload({ body: { repo: String(told.repo), revision: String(told.revision) } }),
      );
      return;
    case "set_token":
      await data(putHubToken({ query: { scope: "installation" }, body: { token } }));
      return;
    case "stop":
      await settled((await data(stopDeployment({ path: { name: String(told.name) } }))).operation);
      return;
    default:
      return;
  }
}

/** Wait until an operation is over. Throws its error, save one of the `expected` codes. */
async function settled(begun: Operation, expected: readonly string[] = []): Promise<void> {
  let operation = begun;
  while (operation.status === "pending" || operation.status === "running") {
    await new Promise((done) => setTimeout(done, POLL_MILLISECONDS));
    operation = await data(getOperation({ path: { operation_id: operation.id } }));
  }
  if (operation.status === "succeeded") return;
  const error = operation.error;
  if (error && expected.includes(error.code)) return;
  throw error ? new ApiError(error) : new Error(operation.message ?? operation.status);
}
