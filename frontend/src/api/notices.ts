/** A person's actions that failed: each stays on the page until it is dismissed. */

import { useSyncExternalStore } from "react";
import type { ProblemDetails } from "./types";

export interface Notice {
  id: number;
  /** What the person wanted, as a sentence: "Could not stop demo". */
  title: string;
  problem: ProblemDetails;
  /** The deployment it is about, where there is one. */
  subject: string | null;
}

const KEPT = 5;
let notices: readonly Notice[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

function set(next: readonly Notice[]): void {
  notices = next;
  for (const listener of listeners) listener();
}

export function addNotice(title: string, problem: ProblemDetails, subject: string | null): void {
  // The same failure again replaces its card: no storm.
  const others = notices.filter((n) => n.title !== title || n.problem.code !== problem.code);
  set([{ id: nextId++, title, problem, subject }, ...others].slice(0, KEPT));
}

export function dismissNotice(id: number): void {
  set(notices.filter((n) => n.id !== id));
}

export function useNotices(): readonly Notice[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => notices,
  );
}
