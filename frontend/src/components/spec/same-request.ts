/** A deployment's specification as the same request in curl, in the CLI and in JSON. Pure. */

import type { Config } from "@/api/gen";
import type { DeploymentSpec } from "@/api/types";
import { differing } from "./form-model";

function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The specification without what has its default anyway. */
export function plainSpec(spec: DeploymentSpec): Record<string, unknown> {
  const { resources = {}, arguments: args = {}, environment = {} } = spec;
  const kept = Object.fromEntries(
    Object.entries(resources).filter(
      ([key, value]) => value != null && !(key !== "gpus" && value === 1),
    ),
  );
  return {
    name: spec.name,
    model: spec.model,
    ...(spec.revision ? { revision: spec.revision } : {}),
    ...(spec.replicas && spec.replicas !== 1 ? { replicas: spec.replicas } : {}),
    ...(Object.keys(kept).length > 0 ? { resources: kept } : {}),
    ...(Object.keys(args).length > 0 ? { arguments: args } : {}),
    ...(Object.keys(environment).length > 0 ? { environment } : {}),
    ...(spec.max_concurrent_requests
      ? { max_concurrent_requests: spec.max_concurrent_requests }
      : {}),
    ...(spec.max_queued_requests != null ? { max_queued_requests: spec.max_queued_requests } : {}),
    ...(spec.queue_wait_seconds ? { queue_wait_seconds: spec.queue_wait_seconds } : {}),
  };
}

/** What is sent: of a deployment made from a config, that config and what differs from it. */
export function bodyOf(spec: DeploymentSpec, config?: Config): Record<string, unknown> {
  if (!config) return plainSpec(spec);
  const { name, version } = config;
  return { name: spec.name, config: { name, version }, ...differing(spec, config.recipe) };
}

/** What else the request says: the config it starts from, and that an estimate is overruled. */
export interface Asked {
  config?: Config | undefined;
  force?: boolean;
}

function wholeBody(spec: DeploymentSpec, { config, force }: Asked): Record<string, unknown> {
  return { ...bodyOf(spec, config), ...(force ? { force } : {}) };
}

export function asJson(spec: DeploymentSpec, asked: Asked = {}): string {
  return JSON.stringify(wholeBody(spec, asked), null, 2);
}

export function asCurl(spec: DeploymentSpec, origin: string, asked: Asked = {}): string {
  return [
    `curl -X POST ${origin}/api/v1/deployments \\`,
    `  -H "Authorization: Bearer $VLLM_MANAGER_KEY" \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -d ${quote(JSON.stringify(wholeBody(spec, asked)))}`,
  ].join("\n");
}

/** The CLI reads values as JSON where they are JSON, so only a text that looks like JSON is quoted. */
function cliValue(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  try {
    JSON.parse(value);
    return JSON.stringify(value);
  } catch {
    return value;
  }
}

export function asCli(whole: DeploymentSpec, { config, force }: Asked = {}): string {
  const spec: Partial<DeploymentSpec> = config ? differing(whole, config.recipe) : whole;
  const { resources = {} } = spec;
  const words = ["vllm-manager deploy", quote(whole.name || "NAME")];
  if (config) words.push(`--config ${config.name}@${config.version}`);
  if (!config || spec.model) words.push(`--model ${quote(spec.model || "MODEL")}`);
  const flag = (name: string, value: unknown, usual: unknown = null) => {
    if (value != null && value !== "" && value !== usual)
      words.push(`--${name} ${quote(String(value))}`);
  };
  flag("revision", spec.revision);
  flag("replicas", spec.replicas, 1);
  flag("cpus", resources.cpus, 1);
  flag("gpus", resources.gpus);
  flag("tp", resources.tensor_parallel_size, 1);
  flag("pp", resources.pipeline_parallel_size, 1);
  flag("max-concurrent-requests", spec.max_concurrent_requests);
  flag("max-queued-requests", spec.max_queued_requests);
  flag("queue-wait-seconds", spec.queue_wait_seconds);
  for (const [key, value] of Object.entries(spec.arguments ?? {})) {
    words.push(`--arg ${quote(`${key}=${cliValue(value)}`)}`);
  }
  for (const [key, value] of Object.entries(spec.environment ?? {})) {
    words.push(`--env ${quote(`${key}=${value}`)}`);
  }
  if (force) words.push("--force");
  return words.join(" ");
}
