/** Whether settings fit, asked while they are typed: the answer, the bars, and what would help. */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { fitQuery } from "@/api/configs";
import type { FitReport, FitRequest, FitSuggestion } from "@/api/gen";
import { toProblem } from "@/api/problem";
import { fit } from "@/strings/configs";
import { Button } from "./button";
import { Chip } from "./chip";
import { FitBar } from "./fit-bar";
import { bytes, count, rate, type Tone } from "./format";
import { Prose } from "./prose";
import { Skeleton } from "./states";

const TONES: Record<FitReport["verdict"], Tone> = {
  fits: "ready",
  tight: "warning",
  does_not_fit: "failed",
  unknown: "idle",
};

export function FitChip({ verdict }: { verdict: FitReport["verdict"] }) {
  return <Chip tone={TONES[verdict]}>{fit.verdicts[verdict]}</Chip>;
}

const PAUSE_MS = 350;

/** The value once it has rested for a moment: not every letter is a question. */
function useRested<T>(value: T): T {
  const [rested, setRested] = useState(value);
  const text = JSON.stringify(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(JSON.parse(text) as T), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return rested;
}

function Figures({ report: r }: { report: FitReport }) {
  const rows: [string, string | null][] = [
    [
      fit.context,
      r.max_model_len == null
        ? null
        : r.largest_max_model_len == null
          ? count(r.max_model_len)
          : fit.contextOf(count(r.max_model_len), count(r.largest_max_model_len)),
    ],
    [fit.concurrency, r.max_concurrency == null ? null : fit.concurrent(rate(r.max_concurrency))],
    [fit.perToken, r.kv_bytes_per_token == null ? null : bytes(r.kv_bytes_per_token)],
    [fit.gpus, r.smallest_gpus == null ? null : count(r.smallest_gpus)],
  ];
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-3 gap-y-0.5 text-small">
      {rows
        .filter(([, value]) => value !== null)
        .map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-muted">{name}</dt>
            <dd className="text-right">{value}</dd>
          </div>
        ))}
    </dl>
  );
}

interface ReportProps {
  report: FitReport;
  /** Puts a suggested value where it belongs; without it, suggestions are only read. */
  onUse?: ((suggestion: FitSuggestion) => void) | undefined;
}

export function FitAnswer({ report, onUse }: ReportProps) {
  const largest = report.largest_max_model_len;
  const shorter = largest != null && report.max_model_len != null && largest < report.max_model_len;
  return (
    <div className="space-y-3">
      <p className="break-words">
        <Prose text={report.summary} />
      </p>
      {report.devices.map((device) => (
        <FitBar key={`${device.kind}${device.index}`} device={device} />
      ))}
      <Figures report={report} />
      {onUse && shorter ? (
        <Button
          size="small"
          onClick={() =>
            onUse({ field: "arguments.max_model_len", value: largest, gain: "", verdict: "fits" })
          }
        >
          {fit.largest(count(largest))}
        </Button>
      ) : null}
      {report.suggestions.length > 0 ? (
        <ul className="space-y-2">
          {report.suggestions.map((s) => (
            <li key={`${s.field}${String(s.value)}`} className="flex items-start gap-2 text-small">
              <span className="min-w-0 flex-1 break-words">
                <code className="font-mono">
                  {s.field.replace(/^(arguments|resources)\./, "")} = {JSON.stringify(s.value)}
                </code>
                <span className="block text-muted">{s.gain}</span>
              </span>
              {onUse ? (
                <Button size="small" onClick={() => onUse(s)}>
                  {fit.use}
                </Button>
              ) : null}
            </li>
          ))}
        </ul>
      ) : null}
      <p className="text-small text-muted">{fit.confidence[report.confidence]}</p>
      {report.unknowns.map((text) => (
        <p key={text} className="text-small text-muted">
          <Prose text={text} />
        </p>
      ))}
      {report.assumptions.length > 0 ? (
        <details className="text-small text-muted">
          <summary>{fit.assumptions}</summary>
          <ul className="mt-1 list-disc pl-4.5">
            {report.assumptions.map((text) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        </details>
      ) : null}
    </div>
  );
}

interface PanelProps {
  asked: FitRequest;
  onUse?: (suggestion: FitSuggestion) => void;
}

export function FitPanel({ asked, onUse }: PanelProps) {
  const query = useQuery(fitQuery(useRested(asked)));
  return (
    <section aria-label={fit.title} aria-busy={query.isFetching}>
      <div className="mb-2 flex items-center justify-between gap-2">
        <h2>{fit.title}</h2>
        {query.data && asked.model ? <FitChip verdict={query.data.verdict} /> : null}
      </div>
      {!asked.model ? (
        <p className="text-muted">{fit.nothing}</p>
      ) : query.isError ? (
        <p role="status" className="break-words text-failed-text">
          {fit.failed}. <Prose text={toProblem(query.error).detail} />
        </p>
      ) : query.data ? (
        <div className={query.isPlaceholderData ? "opacity-60 transition-opacity" : ""}>
          <FitAnswer report={query.data} onUse={onUse} />
        </div>
      ) : (
        <div role="status" aria-label={fit.estimating} className="space-y-2">
          <Skeleton className="h-4" />
          <Skeleton className="h-8" />
          <Skeleton className="h-4 w-2/3" />
        </div>
      )}
    </section>
  );
}
