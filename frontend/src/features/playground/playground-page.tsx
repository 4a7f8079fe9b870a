/** One question to one to four models, side by side. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { deploymentsQuery } from "@/api/queries";
import type { Deployment } from "@/api/types";
import { Button, buttonClass } from "@/components/button";
import { Card, PageHead } from "@/components/card";
import { CodeTabs } from "@/components/copy";
import { Dialog } from "@/components/dialog";
import { Allowed } from "@/components/restricted";
import { Empty, ErrorCard, SkeletonRows, StaleNote } from "@/components/states";
import { usePolling } from "@/realtime/provider";
import { t } from "@/strings";
import { asCurl, asPython } from "./code";
import { Composer } from "./composer";
import { canAdd, type Pane as PaneData, turnsOf } from "./conversation";
import { Pane } from "./pane";
import type { ChatRequest } from "./stream";
import { type Parameters, useChat } from "./use-chat";

const COLUMNS: Record<number, string> = {
  1: "",
  2: "md:grid-cols-2",
  3: "md:grid-cols-2 xl:grid-cols-3",
  4: "md:grid-cols-2 xl:grid-cols-4",
};

function requestOf(pane: PaneData | undefined, p: Parameters): ChatRequest {
  const lastReply = pane?.entries.at(-1)?.role === "assistant";
  const entries = lastReply ? pane.entries.slice(0, -1) : (pane?.entries ?? []);
  const messages = turnsOf(entries, p.system);
  return {
    model: pane?.model ?? "",
    messages: messages.length > 0 ? messages : [{ role: "user", content: t.playground.emptyTitle }],
    temperature: p.temperature,
    max_tokens: p.maxTokens,
  };
}

interface CodeProps {
  request: ChatRequest;
  onClose: () => void;
}

function CodeDialog({ request, onClose }: CodeProps) {
  const origin = window.location.origin;
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={t.playground.codeTitle}
      description={t.playground.codeKey}
      wide
    >
      <CodeTabs
        tabs={[
          { name: "Python", text: asPython(request, origin) },
          { name: "curl", text: asCurl(request, origin) },
        ]}
      />
    </Dialog>
  );
}

function Nothing() {
  return (
    <Card>
      <Empty
        title={t.playground.noneTitle}
        why={t.playground.noneWhy}
        action={
          <Allowed right="operate">
            <Link to="/deployments/new" className={buttonClass("primary")}>
              {t.actions.deploy}
            </Link>
          </Allowed>
        }
      />
    </Card>
  );
}

/** Ready ones first, by name: the first is what a new pane proposes. */
export function choices(deployments: readonly Deployment[]): Deployment[] {
  const weight = (d: Deployment) => (d.phase === "ready" ? 0 : 1);
  return deployments
    .filter((d) => d.phase !== "deleting")
    .sort((a, b) => weight(a) - weight(b) || a.name.localeCompare(b.name));
}

function Board({ deployments, model }: { deployments: readonly Deployment[]; model?: string }) {
  const list = useMemo(() => choices(deployments), [deployments]);
  const ready = useMemo(
    () => new Set(list.filter((d) => d.phase === "ready").map((d) => d.name)),
    [list],
  );
  const proposed = model ?? list[0]?.name ?? "";
  const chat = useChat(model ?? "");
  const [parameters, setParameters] = useState<Parameters>({
    temperature: 0,
    maxTokens: 256,
    system: "",
  });
  const [code, setCode] = useState(false);
  const { choose, panes } = chat;

  useEffect(() => {
    for (const pane of panes) {
      const used = new Set(panes.map((p) => p.model));
      const free = list.find((d) => ready.has(d.name) && !used.has(d.name))?.name ?? proposed;
      if (pane.model === "" && free) return choose(pane.id, free);
    }
  }, [panes, list, ready, proposed, choose]);

  return (
    <div className="flex flex-col md:h-[calc(100vh-88px)]">
      <PageHead
        title={t.pages.playground}
        actions={
          <>
            {panes.some((p) => p.entries.length > 0) ? (
              <Button kind="ghost" onClick={chat.clear} disabled={chat.running.size > 0}>
                {t.playground.clear}
              </Button>
            ) : null}
            <Button onClick={() => setCode(true)}>{t.playground.viewCode}</Button>
            <Button onClick={chat.add} disabled={!canAdd(panes)}>
              {t.playground.addPane}
            </Button>
          </>
        }
      />
      <StaleNote />
      <div
        className={`mb-3 grid min-h-0 flex-1 auto-rows-[minmax(320px,62vh)] gap-3 md:auto-rows-fr ${COLUMNS[panes.length] ?? ""}`}
      >
        {panes.map((pane) => (
          <Pane
            key={pane.id}
            pane={pane}
            deployments={list}
            running={chat.running.has(pane.id)}
            onChoose={(name) => choose(pane.id, name)}
            onRemove={panes.length > 1 ? () => chat.remove(pane.id) : null}
          />
        ))}
      </div>
      <Composer
        panes={panes.length}
        running={chat.running.size > 0}
        canSend={panes.some((p) => ready.has(p.model))}
        parameters={parameters}
        onParameters={setParameters}
        onSend={(question) => chat.send(question, parameters, (name) => ready.has(name))}
        onStop={chat.stop}
      />
      {code ? (
        <CodeDialog request={requestOf(panes[0], parameters)} onClose={() => setCode(false)} />
      ) : null}
    </div>
  );
}

export function PlaygroundPage({ model }: { model?: string }) {
  const query = useQuery({ ...deploymentsQuery, refetchInterval: usePolling() });
  if (query.data) {
    return query.data.length === 0 ? <Nothing /> : <Board deployments={query.data} model={model} />;
  }
  if (query.isError) return <ErrorCard error={query.error} onRetry={() => void query.refetch()} />;
  return (
    <Card>
      <SkeletonRows rows={3} />
    </Card>
  );
}
