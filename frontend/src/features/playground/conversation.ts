/** What a pane holds: the conversation, and what was measured of each reply. Pure. */

import type { Piece, Turn } from "./stream";

export interface Measured {
  /** Milliseconds from sending to the first text. */
  ttftMs: number | null;
  tokens: number | null;
  /** Tokens per second after the first. */
  rate: number | null;
}

export interface Entry {
  role: "user" | "assistant";
  content: string;
  measured?: Measured;
  /** Why the reply ended: `stop`, `length`, `stopped` (by the person) or null while it runs. */
  finish?: string | null;
  /** What went wrong, in words. */
  error?: string;
}

export interface Pane {
  id: number;
  model: string;
  entries: Entry[];
}

export interface Times {
  sentAt: number;
  firstAt: number | null;
  lastAt: number | null;
}

export const NOT_MEASURED: Measured = { ttftMs: null, tokens: null, rate: null };

export function measure(times: Times, tokens: number | null): Measured {
  const { sentAt, firstAt, lastAt } = times;
  const spent = firstAt !== null && lastAt !== null ? (lastAt - firstAt) / 1000 : 0;
  return {
    ttftMs: firstAt === null ? null : firstAt - sentAt,
    tokens,
    rate: tokens !== null && tokens > 1 && spent > 0 ? (tokens - 1) / spent : null,
  };
}

/** Takes a piece into the reply that it belongs to. */
export function grow(
  reply: Entry,
  piece: Piece,
  times: Times,
  now: number,
): { reply: Entry; times: Times } {
  const next: Times = piece.text
    ? { sentAt: times.sentAt, firstAt: times.firstAt ?? now, lastAt: now }
    : times;
  const tokens = piece.tokens ?? reply.measured?.tokens ?? null;
  return {
    times: next,
    reply: {
      ...reply,
      content: reply.content + piece.text,
      measured: measure(next, tokens),
      finish: piece.finish ?? reply.finish ?? null,
    },
  };
}

/** The turns to send: what was said so far, without replies that failed before their first word. */
export function turnsOf(entries: readonly Entry[], system: string): Turn[] {
  const said = entries
    .filter((e) => e.role === "user" || e.content !== "")
    .map(({ role, content }) => ({ role, content }));
  return system.trim() ? [{ role: "system", content: system.trim() }, ...said] : said;
}

const MOST_PANES = 4;
const KEY = "playground";

function isPane(value: unknown): value is Pane {
  const p = value as Pane | null;
  return typeof p?.id === "number" && typeof p.model === "string" && Array.isArray(p.entries);
}

/** Reads what an earlier view of this tab kept; nonsense is forgotten. */
export function restore(storage: Pick<Storage, "getItem">): Pane[] {
  try {
    const kept: unknown = JSON.parse(storage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter(isPane).slice(0, MOST_PANES) : [];
  } catch {
    return [];
  }
}

export function keep(storage: Pick<Storage, "setItem">, panes: readonly Pane[]): void {
  try {
    storage.setItem(KEY, JSON.stringify(panes));
  } catch {
    // A full or forbidden storage costs the history, nothing else.
  }
}

export function canAdd(panes: readonly Pane[]): boolean {
  return panes.length < MOST_PANES;
}
