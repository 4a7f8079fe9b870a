/** A problem in full: what happened, the line that proves it, and buttons that mend it. */

import type { ReactNode } from "react";
import type { ProblemDetails, Remedy } from "@/api/types";
import { t } from "@/strings";
import { Button } from "./button";
import { Prose } from "./prose";

interface Props {
  problem: ProblemDetails;
  onRemedy: (remedy: Remedy) => void;
  busy: boolean;
  /** Without it, what would change something is advice: the server would refuse it. */
  mayAct?: boolean;
  extra?: ReactNode;
}

export function ProblemBody({ problem, onRemedy, busy, mayAct = true, extra }: Props) {
  const remedies = problem.remediation ?? [];
  const isDoable = ({ action = "none" }: Remedy) =>
    action !== "none" && (mayAct || action === "open");
  const advice = remedies.filter((r) => !isDoable(r));
  const doable = remedies.filter(isDoable);
  return (
    <div className="space-y-2">
      <p className="break-words">
        <Prose text={problem.detail} />
      </p>
      {(problem.causes ?? []).map((cause) => (
        <div key={`${cause.message}${cause.evidence ?? ""}`}>
          {cause.message !== problem.detail ? <p className="text-muted">{cause.message}</p> : null}
          {cause.evidence ? (
            <pre
              // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
              tabIndex={0}
              className="mt-1 max-h-32 overflow-auto rounded-control bg-sunken px-2.5 py-1.5 font-mono text-small whitespace-pre-wrap break-words text-muted"
            >
              {cause.evidence}
            </pre>
          ) : null}
        </div>
      ))}
      {advice.length > 0 ? (
        <ul className="list-disc pl-4.5 text-muted">
          {advice.map((r) => (
            <li key={r.label}>
              <Prose text={r.label} />
            </li>
          ))}
        </ul>
      ) : null}
      {doable.length > 0 || extra ? (
        <div className="flex flex-wrap gap-2 pt-0.5">
          {doable.map((r, n) => (
            <Button
              key={r.label}
              size="small"
              kind={n === 0 ? "primary" : "plain"}
              disabled={busy}
              onClick={() => onRemedy(r)}
              className="h-auto min-h-6.5 whitespace-normal"
            >
              <Prose text={r.action === "set_argument" ? t.errors.andRetry(r.label) : r.label} />
            </Button>
          ))}
          {extra}
        </div>
      ) : null}
    </div>
  );
}
