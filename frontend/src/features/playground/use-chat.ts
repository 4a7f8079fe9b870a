/** Runs the panes: sends one question to all of them, streams each reply, stops them. */

import { useCallback, useEffect, useRef, useState } from "react";
import { toProblem } from "@/api/problem";
import {
  canAdd,
  type Entry,
  grow,
  keep,
  NOT_MEASURED,
  type Pane,
  restore,
  type Times,
  turnsOf,
} from "./conversation";
import { type ChatRequest, streamChat } from "./stream";

/** Drawing more often than this costs time and shows nothing more. */
const DRAW_MS = 40;

export interface Parameters {
  temperature: number;
  maxTokens: number;
  system: string;
}

export interface Chat {
  panes: Pane[];
  running: ReadonlySet<number>;
  add: () => void;
  remove: (id: number) => void;
  choose: (id: number, model: string) => void;
  clear: () => void;
  send: (question: string, parameters: Parameters, isReady: (model: string) => boolean) => void;
  stop: () => void;
}

function start(model: string): Pane[] {
  const kept = restore(sessionStorage);
  const [first, ...others] = kept;
  if (!first) return [{ id: 1, model, entries: [] }];
  // Coming from a deployment's page: the first pane shows that model, with its history if it is the same.
  if (model && first.model !== model) return [{ id: first.id, model, entries: [] }, ...others];
  return kept;
}

/** Streams one reply into `draw`; returns when it has ended, however it did. */
async function reply(
  request: ChatRequest,
  signal: AbortSignal,
  draw: (entry: Entry) => void,
): Promise<void> {
  let entry: Entry = { role: "assistant", content: "", measured: NOT_MEASURED, finish: null };
  let times: Times = { sentAt: performance.now(), firstAt: null, lastAt: null };
  let drawnAt = 0;
  try {
    for await (const piece of streamChat(request, signal)) {
      const now = performance.now();
      ({ reply: entry, times } = grow(entry, piece, times, now));
      if (now - drawnAt > DRAW_MS) {
        drawnAt = now;
        draw(entry);
      }
    }
    draw({ ...entry, finish: entry.finish ?? "stop" });
  } catch (error) {
    if (signal.aborted) draw({ ...entry, finish: "stopped" });
    else draw({ ...entry, finish: "error", error: toProblem(error).detail });
  }
}

export function useChat(firstModel: string): Chat {
  const [panes, setPanes] = useState(() => start(firstModel));
  const [running, setRunning] = useState<ReadonlySet<number>>(new Set());
  const aborts = useRef(new Map<number, AbortController>());
  const held = useRef(panes);
  held.current = panes;

  useEffect(() => keep(sessionStorage, panes), [panes]);
  useEffect(() => {
    const open = aborts.current;
    return () => {
      for (const abort of open.values()) abort.abort();
    };
  }, []);

  const update = useCallback((id: number, change: (pane: Pane) => Pane) => {
    setPanes((all) => all.map((p) => (p.id === id ? change(p) : p)));
  }, []);
  const setLast = useCallback(
    (id: number, entry: Entry) =>
      update(id, (p) => ({ ...p, entries: [...p.entries.slice(0, -1), entry] })),
    [update],
  );
  const mark = useCallback((id: number, on: boolean) => {
    setRunning((all) => {
      const next = new Set(all);
      if (on) next.add(id);
      else next.delete(id);
      return next;
    });
  }, []);

  const ask = useCallback(
    async (pane: Pane, question: string, parameters: Parameters) => {
      const abort = new AbortController();
      aborts.current.set(pane.id, abort);
      mark(pane.id, true);
      const entries: Entry[] = [...pane.entries, { role: "user", content: question }];
      const empty: Entry = { role: "assistant", content: "", measured: NOT_MEASURED, finish: null };
      update(pane.id, (p) => ({ ...p, entries: [...entries, empty] }));
      const request: ChatRequest = {
        model: pane.model,
        messages: turnsOf(entries, parameters.system),
        temperature: parameters.temperature,
        max_tokens: parameters.maxTokens,
      };
      await reply(request, abort.signal, (entry) => setLast(pane.id, entry));
      aborts.current.delete(pane.id);
      mark(pane.id, false);
    },
    [mark, setLast, update],
  );

  return {
    panes,
    running,
    add: () =>
      setPanes((all) =>
        canAdd(all)
          ? [...all, { id: Math.max(...all.map((p) => p.id)) + 1, model: "", entries: [] }]
          : all,
      ),
    remove: (id) => {
      aborts.current.get(id)?.abort();
      setPanes((all) => all.filter((p) => p.id !== id));
    },
    choose: (id, model) => update(id, (p) => ({ ...p, model, entries: [] })),
    clear: () => setPanes((all) => all.map((p) => ({ ...p, entries: [] }))),
    send: (question, parameters, isReady) => {
      for (const pane of held.current) {
        if (isReady(pane.model) && !aborts.current.has(pane.id))
          void ask(pane, question, parameters);
      }
    },
    stop: () => {
      for (const abort of aborts.current.values()) abort.abort();
    },
  };
}
