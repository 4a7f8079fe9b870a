/** What needs a person, first: deployments in trouble with the cause, the proof and the remedy. */

import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Deployment, ProblemDetails } from "@/api/types";
import { useRemedy } from "@/api/use-remedy";
import { Ago } from "@/components/ago";
import { buttonClass } from "@/components/button";
import { Card } from "@/components/card";
import { Chip } from "@/components/chip";
import { ago, phaseWords, seconds, toneOf } from "@/components/format";
import { ProblemBody } from "@/components/remedies";
import { useServerNow } from "@/realtime/provider";
import { t } from "@/strings";

const SHOWN = 5;

export function needsAttention(d: Deployment): boolean {
  return toneOf(d.phase) === "failed" || toneOf(d.phase) === "warning";
}

/** Failed before merely troubled, newest first. */
export function attentionList(deployments: readonly Deployment[]): Deployment[] {
  const weight = (d: Deployment) => (d.phase === "failed" ? 0 : 1);
  return deployments
    .filter(needsAttention)
    .sort((a, b) => weight(a) - weight(b) || b.since.localeCompare(a.since));
}

/** To give it up is an answer, too: the same is offered by its alert. */
function withItsEnd(d: Deployment, problem: ProblemDetails): ProblemDetails {
  if (d.phase !== "failed") return problem;
  const stop = {
    label: t.actions.stop(d.name),
    action: "stop" as const,
    arguments: { name: d.name },
  };
  return { ...problem, remediation: [...(problem.remediation ?? []), stop] };
}

function AttentionCard({ deployment: d }: { deployment: Deployment }) {
  const remedy = useRemedy(d);
  const now = useServerNow();
  const failed = d.phase === "failed";
  const edge = failed ? "border-l-failed" : "border-l-warning";
  const wait = d.next_retry_at ? (Date.parse(d.next_retry_at) - now) / 1000 : null;
  return (
    <Card className={`border-l-3 px-4 py-3.5 ${edge}`}>
      <div className="mb-1.5 flex flex-wrap items-center gap-x-3 gap-y-1">
        <h3 className="min-w-0 font-[600] break-words">
          {failed ? t.overview.failed(d.name) : t.overview.troubled(d.name, t.phases[d.phase])}
        </h3>
        <Chip tone={toneOf(d.phase)}>
          {failed ? (
            <>
              {t.phases.failed} <Ago at={d.since} />
            </>
          ) : (
            t.overview.since(phaseWords(d.phase), ago(d.since, now))
          )}
        </Chip>
        {wait !== null && wait > 0 ? (
          <span className="text-small text-muted">{t.overview.retryAt(seconds(wait))}</span>
        ) : null}
        <Link
          to="/deployments/$name"
          params={{ name: d.name }}
          className={`ml-auto ${buttonClass("plain", "small")}`}
          aria-label={`${t.words.open} ${d.name}`}
        >
          {t.words.open}
        </Link>
      </div>
      {d.last_error ? (
        <ProblemBody problem={withItsEnd(d, d.last_error)} {...remedy} />
      ) : (
        <p className="text-muted">{d.reason ?? t.phases[d.phase]}</p>
      )}
    </Card>
  );
}

export function Attention({ deployments }: { deployments: readonly Deployment[] }) {
  const list = useMemo(() => attentionList(deployments), [deployments]);
  if (list.length === 0) return null;
  return (
    <section aria-label={t.overview.attention} className="mb-3 space-y-3">
      <h2 className="sr-only">{t.overview.attention}</h2>
      {list.slice(0, SHOWN).map((d) => (
        <AttentionCard key={d.uid} deployment={d} />
      ))}
      {list.length > SHOWN ? (
        <Link
          to="/deployments"
          search={{ state: "trouble" }}
          className="text-accent hover:underline"
        >
          {t.overview.showAll(list.length)}
        </Link>
      ) : null}
    </section>
  );
}
