/** What proves a problem, and what to do about it, as words. */

import type { ProblemDetails, Remedy } from "@/api/types";
import { Prose } from "./prose";

/** The lines that prove a problem, below what they mean. */
export function Causes({ problem }: { problem: ProblemDetails }) {
  return (problem.causes ?? []).map((cause) => (
    <div key={`${cause.message}${cause.evidence ?? ""}`}>
      {cause.message !== problem.detail ? (
        <p className="break-words text-muted">{cause.message}</p>
      ) : null}
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
  ));
}

/** What to do, said: where nothing here can do it for one. */
export function Advice({ remedies }: { remedies: readonly Remedy[] }) {
  if (remedies.length === 0) return null;
  return (
    <ul className="list-disc pl-4.5 text-muted">
      {remedies.map((r) => (
        <li key={r.label}>
          <Prose text={r.label} />
        </li>
      ))}
    </ul>
  );
}
