/** Which shortcut a key press means. Pure; `use-shortcuts` listens. */

export type Shortcut =
  | "palette"
  | "help"
  | "overview"
  | "deployments"
  | "playground"
  | "deploy"
  | "filter";

export interface Press {
  key: string;
  meta: boolean;
  /** Typing into a field: only chords count. */
  typing: boolean;
}

const AFTER_G: Record<string, Shortcut> = { o: "overview", d: "deployments", p: "playground" };
const ALONE: Record<string, Shortcut> = { "?": "help", c: "deploy", "/": "filter" };

/** Returns the shortcut and whether a `g` now waits for its second key. */
export function shortcutOf(
  press: Press,
  afterG: boolean,
): { shortcut: Shortcut | null; afterG: boolean } {
  const key = press.key.length === 1 ? press.key.toLowerCase() : press.key;
  if (press.meta) return { shortcut: key === "k" ? "palette" : null, afterG: false };
  if (press.typing) return { shortcut: null, afterG: false };
  if (afterG) return { shortcut: AFTER_G[key] ?? null, afterG: false };
  return { shortcut: ALONE[key] ?? null, afterG: key === "g" };
}
