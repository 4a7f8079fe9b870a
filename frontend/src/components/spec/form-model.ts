/** Between the form's texts and a specification: parsing, checking, and where an error belongs. Pure. */

import type { FitRequest, Recipe } from "@/api/gen";
import type { DeploymentSpec, EngineArgument } from "@/api/types";
import { t } from "@/strings";

export interface Pair {
  key: string;
  value: string;
}

export interface FormValues {
  name: string;
  model: string;
  revision: string;
  replicas: string;
  cpus: string;
  gpus: string;
  tensor: string;
  pipeline: string;
  context: string;
  concurrent: string;
  queued: string;
  queueWait: string;
  args: Pair[];
  env: Pair[];
}

export type Field =
  | Exclude<keyof FormValues, "args" | "env">
  | `args.${number}.${keyof Pair}`
  | `env.${number}.${keyof Pair}`;
export interface FieldProblem {
  field: Field | "root";
  message: string;
  suggestion?: string | null;
}

const CONTEXT = "max_model_len";
const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

export const EMPTY: FormValues = {
  name: "",
  model: "demo",
  revision: "",
  replicas: "1",
  cpus: "1",
  gpus: "",
  tensor: "1",
  pipeline: "1",
  context: "",
  concurrent: "",
  queued: "",
  queueWait: "",
  args: [],
  env: [],
};

/** `--max-model-len` and `max-model-len` mean `max_model_len`, as the server reads them. */
export function argumentName(text: string): string {
  return text.trim().replace(/^-+/, "").replaceAll("-", "_");
}

function asIs(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Reads a value as the engine's argument list says; what does not parse is left for the server to refuse. */
export function parseValue(text: string, type: string | null | undefined): unknown {
  const trimmed = text.trim();
  if (type === "string") return text;
  if (type === "list" && !trimmed.startsWith("[")) return trimmed.split(/[\s,]+/).filter(Boolean);
  if (type === "boolean" && trimmed === "") return true;
  return asIs(trimmed);
}

function showValue(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function pairs(list: readonly Pair[]): Pair[] {
  return list.filter((p) => p.key.trim() !== "");
}

const number = (text: string): number | null => (text.trim() === "" ? null : Number(text));

export function toSpec(v: FormValues, known: readonly EngineArgument[]): DeploymentSpec {
  const types = new Map(known.map((a) => [a.name, a.type]));
  const args: Record<string, unknown> = {};
  if (v.context.trim()) args[CONTEXT] = number(v.context) ?? v.context;
  for (const { key, value } of pairs(v.args)) {
    const name = argumentName(key);
    args[name] = parseValue(value, types.get(name));
  }
  return {
    name: v.name.trim(),
    model: v.model.trim(),
    revision: v.revision.trim() || null,
    replicas: number(v.replicas) ?? 1,
    resources: {
      cpus: number(v.cpus) ?? 1,
      gpus: number(v.gpus),
      tensor_parallel_size: number(v.tensor) ?? 1,
      pipeline_parallel_size: number(v.pipeline) ?? 1,
    },
    arguments: args as DeploymentSpec["arguments"],
    environment: Object.fromEntries(pairs(v.env).map((p) => [p.key.trim(), p.value])),
    max_concurrent_requests: number(v.concurrent),
    max_queued_requests: number(v.queued),
    queue_wait_seconds: number(v.queueWait),
  };
}

/** The same settings as a question about memory. */
export function toFit(v: FormValues, known: readonly EngineArgument[]): FitRequest {
  const {
    name: _,
    max_concurrent_requests: __,
    max_queued_requests: ___,
    queue_wait_seconds: ____,
    replicas,
    ...asked
  } = toSpec(v, known);
  const whole = Number.isInteger(replicas) && (replicas ?? 1) > 0;
  return { ...asked, replicas: whole ? replicas : 1 };
}

/** The form with engine arguments laid over its own. */
export function withArguments(v: FormValues, args: Readonly<Record<string, unknown>>): FormValues {
  const { [CONTEXT]: context, ...others } = args;
  const kept = v.args.filter((pair) => !(argumentName(pair.key) in others));
  const added = Object.entries(others).map(([key, value]) => ({ key, value: showValue(value) }));
  return {
    ...v,
    context: context == null ? v.context : String(context),
    args: [...kept, ...added],
  };
}

const WHOLE = [
  "model",
  "revision",
  "replicas",
  "max_concurrent_requests",
  "max_queued_requests",
  "queue_wait_seconds",
] as const;

/**
 * What a specification has other than the config it was filled from, as the server takes it: whole
 * fields, and of arguments and environment only the members that differ.
 */
export function differing(spec: DeploymentSpec, config: Recipe): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  const same = (a: unknown, b: unknown) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
  for (const field of WHOLE) {
    if (!same(spec[field], config[field])) found[field] = spec[field];
  }
  for (const field of ["arguments", "environment", "resources"] as const) {
    const mine = (spec[field] ?? {}) as Record<string, unknown>;
    const theirs = (config[field] ?? {}) as Record<string, unknown>;
    const changed = Object.entries(mine).filter(([key, value]) => !same(value, theirs[key]));
    const gone = field === "arguments" ? Object.keys(theirs).filter((key) => !(key in mine)) : [];
    const members = {
      ...Object.fromEntries(changed),
      ...Object.fromEntries(gone.map((k) => [k, null])),
    };
    if (Object.keys(members).length > 0) found[field] = members;
  }
  return found;
}

/** Where the form holds what the server calls `path`: a field, or an argument yet to be added. */
export function placeOf(path: string, v: FormValues): Field | { argument: string } {
  const direct = PATHS[path];
  if (direct) return direct;
  const argument = argumentName(path.replace(/^arguments\./, ""));
  const row = v.args.findIndex((pair) => argumentName(pair.key) === argument);
  return row >= 0 ? `args.${row}.value` : { argument };
}

export function fromSpec(spec: DeploymentSpec): FormValues {
  const { [CONTEXT]: context, ...args } = (spec.arguments ?? {}) as Record<string, unknown>;
  const text = (value: unknown) => (value == null ? "" : String(value));
  return {
    name: spec.name,
    model: spec.model,
    revision: spec.revision ?? "",
    replicas: text(spec.replicas ?? 1),
    cpus: text(spec.resources?.cpus ?? 1),
    gpus: text(spec.resources?.gpus),
    tensor: text(spec.resources?.tensor_parallel_size ?? 1),
    pipeline: text(spec.resources?.pipeline_parallel_size ?? 1),
    context: text(context),
    concurrent: text(spec.max_concurrent_requests),
    queued: text(spec.max_queued_requests),
    queueWait: text(spec.queue_wait_seconds),
    args: Object.entries(args).map(([key, value]) => ({ key, value: showValue(value) })),
    env: Object.entries(spec.environment ?? {}).map(([key, value]) => ({ key, value })),
  };
}

function checkNumber(
  text: string,
  optional: boolean,
  least: number,
  whole: boolean,
): string | null {
  if (text.trim() === "") return optional ? null : t.form.required;
  const n = Number(text);
  if (!Number.isFinite(n)) return t.form.badAmount;
  if (whole && !Number.isInteger(n)) return t.form.badNumber;
  return n < least ? t.form.atLeast(least) : null;
}

const NUMBERS: [Field & keyof FormValues, boolean, number, boolean][] = [
  ["replicas", false, 1, true],
  ["cpus", false, 0.1, false],
  ["gpus", true, 0, true],
  ["tensor", false, 1, true],
  ["pipeline", false, 1, true],
  ["context", true, 1, true],
  ["concurrent", true, 1, true],
  ["queued", true, 0, true],
  ["queueWait", true, 0.1, false],
];

function twice(list: readonly Pair[], under: "args" | "env"): FieldProblem[] {
  const seen = new Set<string>();
  return list.flatMap((pair, n) => {
    const name = under === "args" ? argumentName(pair.key) : pair.key.trim();
    if (!name || !seen.has(name)) {
      seen.add(name);
      return [];
    }
    return [{ field: `${under}.${n}.key` as Field, message: t.form.twice(name) }];
  });
}

/** What can be said without asking the server. */
export function check(v: FormValues, taken: ReadonlySet<string>): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const name = v.name.trim();
  if (!v.model.trim()) problems.push({ field: "model", message: t.form.required });
  if (!name) problems.push({ field: "name", message: t.form.required });
  else if (!NAME.test(name)) problems.push({ field: "name", message: t.form.badName });
  else if (taken.has(name)) problems.push({ field: "name", message: t.form.taken(name) });
  for (const [field, optional, least, whole] of NUMBERS) {
    const message = checkNumber(v[field] as string, optional, least, whole);
    if (message) problems.push({ field, message });
  }
  return [...problems, ...twice(v.args, "args"), ...twice(v.env, "env")];
}

const PATHS: Record<string, Field> = {
  name: "name",
  model: "model",
  revision: "revision",
  replicas: "replicas",
  "resources.cpus": "cpus",
  "resources.gpus": "gpus",
  "resources.tensor_parallel_size": "tensor",
  "resources.pipeline_parallel_size": "pipeline",
  max_concurrent_requests: "concurrent",
  max_queued_requests: "queued",
  queue_wait_seconds: "queueWait",
  [`arguments.${CONTEXT}`]: "context",
};

/**
 * Which field of the form a path of the server's means; "root" where the form has none.
 * `misnamed` says that an argument's name is what is wrong, rather than its value.
 */
export function fieldOf(path: string, v: FormValues, misnamed = false): Field | "root" {
  const plain = path.replace(/^body\./, "");
  const direct = PATHS[plain];
  if (direct && !(direct === "context" && !v.context.trim())) return direct;
  const [, under, key = ""] = /^(arguments|environment)\.(.+)$/.exec(plain) ?? [];
  if (under === "arguments") {
    const row = v.args.findIndex(
      (p) => argumentName(p.key) === argumentName(key.split(".")[0] ?? ""),
    );
    if (row >= 0) return `args.${row}.${misnamed ? "key" : "value"}`;
  }
  if (under === "environment") {
    const row = v.env.findIndex((p) => p.key.trim() === key);
    if (row >= 0) return `env.${row}.value`;
  }
  return "root";
}
