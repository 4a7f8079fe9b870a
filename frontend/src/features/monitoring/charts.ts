/** Which charts there are, and what each asks for. */

import type { Question } from "@/api/metrics";
import { chartWords as w } from "@/strings/monitoring";

export const RANGES = ["15m", "1h", "6h", "24h", "7d", "30d", "365d"] as const;
export const VIEWS = ["models", "gateway", "gpus", "nodes", "processes"] as const;
export type Range = (typeof RANGES)[number];
export type View = (typeof VIEWS)[number];

interface Part {
  question: Question;
  /** Tells the lines of one figure from those of another on the same chart. */
  name?: string;
}

export interface ChartSpec {
  title: string;
  parts: readonly Part[];
  /** The scale ends here at least: a share is seen against the whole. */
  top?: number;
}

const one = (title: string, question: Question, top?: number): ChartSpec => ({
  title,
  parts: [{ question }],
  ...(top === undefined ? {} : { top }),
});

const spread = (title: string, figure: string, by: readonly string[]): ChartSpec => ({
  title,
  parts: [
    { name: w.median, question: { figure, function: "quantile", quantile: 0.5, by } },
    { name: w.p95, question: { figure, function: "quantile", quantile: 0.95, by } },
  ],
});

const MODEL = ["deployment"] as const;
const GPU = ["node", "gpu"] as const;
const NODE = ["node"] as const;
const PROCESS = ["node", "process", "deployment", "replica"] as const;

const CHARTS: Record<View, readonly ChartSpec[]> = {
  models: [
    one(w.output, { figure: "engine_generation_tokens_total", function: "rate", by: MODEL }),
    one(w.prompt, { figure: "engine_prompt_tokens_total", function: "rate", by: MODEL }),
    one(w.running, { figure: "engine_requests_running", by: MODEL }),
    one(w.waiting, { figure: "engine_requests_waiting", by: MODEL }),
    spread(w.ttft, "engine_ttft_seconds", MODEL),
    spread(w.interToken, "engine_inter_token_seconds", MODEL),
    one(w.kv, { figure: "engine_kv_cache_usage_ratio", by: ["deployment", "replica"] }, 1),
    {
      title: w.parts,
      parts: [
        {
          name: w.queue,
          question: { figure: "engine_queue_seconds", function: "mean", by: MODEL },
        },
        {
          name: w.prefill,
          question: { figure: "engine_prefill_seconds", function: "mean", by: MODEL },
        },
        {
          name: w.decode,
          question: { figure: "engine_decode_seconds", function: "mean", by: MODEL },
        },
      ],
    },
    {
      title: w.prefix,
      parts: [
        {
          name: w.looked,
          question: { figure: "engine_prefix_cache_queries_total", function: "rate", by: MODEL },
        },
        {
          name: w.found,
          question: { figure: "engine_prefix_cache_hits_total", function: "rate", by: MODEL },
        },
      ],
    },
    one(w.preemptions, { figure: "engine_preemptions_total", function: "rate", by: MODEL }),
  ],
  gateway: [
    one(w.requests, { figure: "gateway_requests_total", function: "rate", by: ["status"] }),
    one(w.tokens, { figure: "gateway_tokens_total", function: "rate", by: ["direction"] }),
    spread(w.latency, "gateway_request_seconds", MODEL),
    spread(w.gatewayTtft, "gateway_ttft_seconds", MODEL),
    one(w.underWay, { figure: "gateway_requests_under_way", by: MODEL }),
    one(w.queued, { figure: "gateway_requests_queued", by: MODEL }),
  ],
  gpus: [
    one(w.gpuUse, { figure: "gpu_utilization_ratio", by: GPU }, 1),
    one(w.gpuMemory, { figure: "gpu_memory_used_bytes", by: GPU }),
    one(w.gpuHeat, { figure: "gpu_temperature_celsius", by: GPU }, 100),
    one(w.gpuPower, { figure: "gpu_power_watts", by: GPU }),
    one(w.gpuThrottled, { figure: "gpu_throttled", by: GPU }, 1),
    one(w.gpuErrors, { figure: "gpu_ecc_uncorrected_total", by: GPU }),
    one(w.gpuAnswers, { figure: "gpu_up", by: GPU }, 1),
  ],
  nodes: [
    one(w.cpu, { figure: "node_cpu_ratio", by: NODE }, 1),
    one(w.memory, { figure: "node_memory_used_bytes", by: NODE }),
    one(w.disk, { figure: "node_disk_free_bytes", by: ["node", "purpose"] }),
    {
      title: w.diskTraffic,
      parts: [
        {
          name: w.read,
          question: { figure: "node_disk_read_bytes_total", function: "rate", by: NODE },
        },
        {
          name: w.written,
          question: { figure: "node_disk_written_bytes_total", function: "rate", by: NODE },
        },
      ],
    },
    {
      title: w.network,
      parts: [
        {
          name: w.received,
          question: { figure: "node_network_received_bytes_total", function: "rate", by: NODE },
        },
        {
          name: w.sent,
          question: { figure: "node_network_sent_bytes_total", function: "rate", by: NODE },
        },
      ],
    },
  ],
  processes: [
    one(w.processMemory, { figure: "process_anonymous_bytes", by: PROCESS }),
    one(w.processCpu, { figure: "process_cpu_seconds_total", function: "rate", by: PROCESS }),
    one(w.descriptors, { figure: "process_open_descriptors", by: PROCESS }),
    one(w.threads, { figure: "process_threads", by: PROCESS }),
  ],
};

/** The charts of a view, narrowed down where its figures can be. */
export function chartsOf(view: View, only: { deployment?: string; node?: string }): ChartSpec[] {
  const byModel = view === "models" || view === "gateway";
  const narrowed: Partial<Question> = byModel
    ? only.deployment
      ? { deployment: only.deployment }
      : {}
    : only.node
      ? { node: only.node }
      : {};
  return CHARTS[view].map((spec) => ({
    ...spec,
    parts: spec.parts.map((part) => ({ ...part, question: { ...part.question, ...narrowed } })),
  }));
}
