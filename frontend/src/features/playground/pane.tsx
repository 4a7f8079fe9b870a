/** One pane: a model, the conversation with it, and how fast it answered. */

import { X } from "lucide-react";
import { lazy, Suspense, useEffect, useRef } from "react";
import type { Deployment } from "@/api/types";
import { IconButton } from "@/components/button";
import { Card } from "@/components/card";
import { StateChip } from "@/components/chip";
import { BareSelect } from "@/components/field";
import { count, phaseWords, rate } from "@/components/format";
import { t } from "@/strings";
import type { Entry, Measured, Pane as PaneData } from "./conversation";

const Answer = lazy(() => import("@/components/markdown"));

export function measuredWords(m: Measured | undefined): string {
  if (!m || (m.ttftMs === null && m.tokens === null)) return "";
  return [
    ...(m.ttftMs === null ? [] : [t.playground.ttft(`${count(m.ttftMs)} ms`)]),
    ...(m.rate === null ? [] : [t.playground.rate(rate(m.rate))]),
    ...(m.tokens === null ? [] : [t.playground.tokens(count(m.tokens))]),
  ].join(" · ");
}

function Reply({ entry, running }: { entry: Entry; running: boolean }) {
  const ended =
    entry.finish === "stopped"
      ? t.playground.stopped
      : entry.finish === "length"
        ? t.playground.cut
        : null;
  return (
    <div data-role="assistant" className="break-words">
      <Suspense fallback={<p className="whitespace-pre-wrap">{entry.content}</p>}>
        <Answer text={entry.content} />
      </Suspense>
      {running ? (
        <span
          role="img"
          aria-label={t.playground.waiting}
          className="breathe mt-1 inline-block h-3.5 w-1.5 bg-accent"
        />
      ) : null}
      {entry.error ? (
        <p
          role="alert"
          className="mt-1 rounded-control bg-failed-soft px-2.5 py-1.5 text-failed-text"
        >
          {entry.error}
        </p>
      ) : null}
      {ended ? <p className="mt-1 text-small text-muted">{ended}</p> : null}
    </div>
  );
}

interface PaneProps {
  pane: PaneData;
  deployments: readonly Deployment[];
  running: boolean;
  onChoose: (model: string) => void;
  onRemove: (() => void) | null;
}

function ModelSelect({
  pane,
  deployments,
  onChoose,
}: Pick<PaneProps, "pane" | "deployments" | "onChoose">) {
  const unknown = pane.model !== "" && !deployments.some((d) => d.name === pane.model);
  return (
    <BareSelect
      aria-label={t.playground.model}
      value={pane.model}
      onChange={(event) => onChoose(event.target.value)}
      className="h-7! min-w-0 max-w-60 field-sizing-content border-transparent! bg-transparent! font-[600] hover:border-line!"
    >
      {pane.model === "" || unknown ? (
        <option value={pane.model}>{pane.model || t.playground.choose}</option>
      ) : null}
      {deployments.map((d) => (
        <option key={d.uid} value={d.name}>
          {d.phase === "ready" ? d.name : `${d.name} (${phaseWords(d.phase)})`}
        </option>
      ))}
    </BareSelect>
  );
}

export function Pane({ pane, deployments, running, onChoose, onRemove }: PaneProps) {
  const end = useRef<HTMLDivElement>(null);
  const deployment = deployments.find((d) => d.name === pane.model);
  const last = pane.entries.findLast((e) => e.role === "assistant");
  // biome-ignore lint/correctness/useExhaustiveDependencies: every new word moves the end
  useEffect(() => {
    const box = end.current?.parentElement;
    if (box && box.scrollHeight - box.scrollTop - box.clientHeight < 120)
      box.scrollTop = box.scrollHeight;
  }, [pane.entries]);
  return (
    <Card
      label={pane.model || t.playground.choose}
      className="flex min-h-0 min-w-0 flex-col overflow-hidden"
    >
      <header className="flex min-h-9.5 items-center gap-2 border-b border-line px-1.5">
        <ModelSelect pane={pane} deployments={deployments} onChoose={onChoose} />
        {deployment && deployment.phase !== "ready" ? (
          <StateChip phase={deployment.phase} progress={deployment.progress} />
        ) : null}
        <span className="figures ml-auto min-w-0 truncate pr-1.5 text-small text-muted">
          {measuredWords(last?.measured)}
        </span>
        {onRemove ? (
          <IconButton label={t.playground.removePane} onClick={onRemove}>
            <X size={14} aria-hidden />
          </IconButton>
        ) : null}
      </header>
      <div
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
        tabIndex={0}
        role="log"
        aria-label={pane.model || t.playground.choose}
        className="min-h-0 flex-1 space-y-3 overflow-y-auto p-3"
      >
        {pane.entries.length === 0 ? (
          <p className="pt-8 text-center text-muted">
            {deployment && deployment.phase !== "ready"
              ? t.playground.notReady(phaseWords(deployment.phase, deployment.progress))
              : t.playground.emptyWhy}
          </p>
        ) : null}
        {pane.entries.map((entry, n) =>
          entry.role === "user" ? (
            // biome-ignore lint/suspicious/noArrayIndexKey: a conversation only grows
            <div key={n} className="flex justify-end">
              <p className="max-w-[85%] rounded-[10px] bg-accent-soft px-3 py-1.5 break-words whitespace-pre-wrap">
                <span className="sr-only">{t.playground.you}: </span>
                {entry.content}
              </p>
            </div>
          ) : (
            // biome-ignore lint/suspicious/noArrayIndexKey: a conversation only grows
            <Reply key={n} entry={entry} running={running && n === pane.entries.length - 1} />
          ),
        )}
        <div ref={end} />
      </div>
    </Card>
  );
}
