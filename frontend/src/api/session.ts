/** Who is logged in, in this tab: the CSRF token, and whether the session was lost in mid-work. */

import { useSyncExternalStore } from "react";

let csrfToken: string | null = null;
let lost = false;
const listeners = new Set<() => void>();

function change(next: boolean): void {
  if (lost === next) return;
  lost = next;
  for (const listener of listeners) listener();
}

export function rememberSession(session: { csrf_token?: string | null } | null): void {
  csrfToken = session?.csrf_token ?? null;
  if (session) change(false);
}

export function csrf(): string | null {
  return csrfToken;
}

/** A request was answered 401 though a session was open: ask again, above the page as it stands. */
export function sessionLost(): void {
  if (csrfToken !== null) change(true);
}

export function useSessionLost(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => lost,
  );
}
