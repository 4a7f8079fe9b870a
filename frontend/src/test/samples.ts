/** Made-up deployments and operations for tests. */

import type { Deployment, Operation, ProblemDetails } from "@/api/types";

interface Wanted extends Partial<Omit<Deployment, "spec">> {
  model?: string;
}

export function aDeployment({ model = "demo", ...more }: Wanted = {}): Deployment {
  const name = more.name ?? "demo";
  return {
    name,
    uid: `dep_${name}`,
    spec: {
      name,
      model,
      revision: null,
      engine: "vllm",
      replicas: 1,
      resources: { cpus: 1, gpus: null, tensor_parallel_size: 1, pipeline_parallel_size: 1 },
      arguments: {},
      environment: {},
      max_concurrent_requests: null,
      max_queued_requests: null,
      queue_wait_seconds: null,
      start: true,
    },
    generation: 1,
    desired: "running",
    phase: "ready",
    reason: null,
    since: "2026-11-23T10:00:00Z",
    last_progress_at: null,
    progress: null,
    log_line: null,
    deadline_at: null,
    attempt: 1,
    next_retry_at: null,
    stale: false,
    degradations: [],
    last_error: null,
    replicas_desired: 1,
    replicas_ready: 1,
    timeline: [],
    how: null,
    how_reason: null,
    metrics: null,
    created_at: "2026-11-23T10:00:00Z",
    updated_at: "2026-11-23T10:00:00Z",
    ...more,
  } as Deployment;
}

export function anOperation(more: Partial<Operation> = {}): Operation {
  return {
    id: "op_1",
    kind: "deployment.create",
    subject: "demo",
    status: "running",
    progress: null,
    message: null,
    error: null,
    created_at: "2026-11-23T10:00:00Z",
    updated_at: "2026-11-23T10:00:00Z",
    finished_at: null,
    ...more,
  } as Operation;
}

export function aProblem(more: Partial<ProblemDetails> = {}): ProblemDetails {
  return {
    type: "urn:vllm-manager:problem:invalid_request",
    title: "Invalid request",
    status: 422,
    detail: "name: taken",
    code: "invalid_request",
    request_id: "req_1",
    retryable: false,
    retry_after_seconds: null,
    errors: [],
    causes: [],
    remediation: [],
    ...more,
  };
}
