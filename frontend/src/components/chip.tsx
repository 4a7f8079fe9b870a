/** A state as a dot and a word: colour never speaks alone. */

import type { ReactNode } from "react";
import type { Phase } from "@/api/types";
import { phaseWords, type Tone, toneOf } from "./format";

const CHIP: Record<Tone, string> = {
  ready: "bg-ready-soft text-ready-text",
  working: "bg-working-soft text-working-text",
  warning: "bg-warning-soft text-warning-text",
  failed: "bg-failed-soft text-failed-text",
  idle: "bg-sunken text-muted",
};

const DOT: Record<Tone, string> = {
  ready: "bg-ready",
  working: "bg-working",
  warning: "bg-warning",
  failed: "bg-failed",
  idle: "bg-faint",
};

export function Dot({ tone, busy = false }: { tone: Tone; busy?: boolean }) {
  return (
    <span
      aria-hidden="true"
      className={`inline-block size-1.5 shrink-0 rounded-full ${DOT[tone]} ${busy ? "breathe" : ""}`}
    />
  );
}

export function Chip({
  tone,
  busy,
  children,
}: {
  tone: Tone;
  busy?: boolean;
  children: ReactNode;
}) {
  return (
    <span
      className={`inline-flex h-5.5 max-w-full items-center gap-1.5 rounded-full px-2 text-small font-[520] whitespace-nowrap ${CHIP[tone]}`}
    >
      <Dot tone={tone} busy={busy} />
      <span className="truncate">{children}</span>
    </span>
  );
}

interface StateProps {
  phase: Phase;
  progress?: number | null;
  /** The stream is silent: what is shown may no longer be so. */
  unsure?: boolean;
}

/** Never green on stale data: an unsure state is grey and says so to screen readers. */
export function StateChip({ phase, progress, unsure = false }: StateProps) {
  const tone = unsure ? "idle" : toneOf(phase);
  return (
    <Chip tone={tone} busy={tone === "working"}>
      {phaseWords(phase, progress)}
      {unsure ? "?" : ""}
    </Chip>
  );
}

export function Tag({ children }: { children: ReactNode }) {
  return (
    <span className="inline-flex h-5 items-center rounded-chip border border-line px-1.5 text-tiny text-muted">
      {children}
    </span>
  );
}
