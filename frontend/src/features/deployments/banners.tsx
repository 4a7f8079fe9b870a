/** What a deployment's page says above its tabs: its error, what is degraded, and a pending restart. */

import type { DeploymentActions } from "@/api/actions";
import { describeProblem } from "@/api/problem";
import type { Deployment } from "@/api/types";
import { useRemedy } from "@/api/use-remedy";
import { Ago } from "@/components/ago";
import { Button } from "@/components/button";
import { Card } from "@/components/card";
import { CopyButton } from "@/components/copy";
import { ProblemBody } from "@/components/remedies";
import { Allowed } from "@/components/restricted";
import { t } from "@/strings";

export function ErrorBanner({ deployment: d }: { deployment: Deployment }) {
  const remedy = useRemedy(d);
  const problem = d.last_error;
  // Once it is ready again, the error is history: the Events tab keeps it.
  if (!problem || d.phase === "ready" || d.phase === "stopped") return null;
  return (
    <Card label={t.detail.troubleTitle} className="mb-3 border-l-3 border-l-failed px-4 py-3.5">
      <div className="mb-1.5 flex items-center gap-3">
        <h2>{problem.title}</h2>
        {d.phase === "failed" ? (
          <span className="text-small text-muted">
            {t.phases.failed} <Ago at={d.since} />
          </span>
        ) : null}
        <span className="ml-auto">
          <CopyButton text={() => describeProblem(problem)} label={t.errors.copy} />
        </span>
      </div>
      <ProblemBody problem={problem} {...remedy} />
    </Card>
  );
}

interface Props {
  deployment: Deployment;
  actions: DeploymentActions;
}

export function StaleBanner({ deployment: d, actions }: Props) {
  if (!d.stale) return null;
  return (
    <div
      role="status"
      className="mb-3 flex flex-wrap items-center gap-3 rounded-card bg-warning-soft px-4 py-2 text-warning-text"
    >
      <span className="min-w-0 flex-1">{t.detail.stale}</span>
      <Allowed right="operate">
        <Button
          size="small"
          disabled={actions.busy}
          onClick={() => void actions.act("restart", d.name)}
        >
          {t.verbs.restart}
        </Button>
      </Allowed>
    </div>
  );
}

export function Degradations({ deployment: d }: { deployment: Deployment }) {
  const degradations = d.degradations ?? [];
  if (degradations.length === 0) return null;
  return (
    <div role="status" className="mb-3 rounded-card bg-warning-soft px-4 py-2 text-warning-text">
      <strong className="font-[600]">{t.detail.degraded}:</strong> {degradations.join("; ")}
    </div>
  );
}
