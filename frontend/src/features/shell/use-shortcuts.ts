/** Listens for shortcuts on the whole page. */

import { useEffect, useRef } from "react";
import { type Shortcut, shortcutOf } from "./keys";

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.closest("input, textarea, select, [role=dialog]") !== null)
  );
}

export function useShortcuts(onShortcut: (shortcut: Shortcut) => void): void {
  const latest = useRef(onShortcut);
  latest.current = onShortcut;
  useEffect(() => {
    let afterG = false;
    const listen = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.altKey) return;
      const meta = event.metaKey || event.ctrlKey;
      const result = shortcutOf({ key: event.key, meta, typing: isTyping(event.target) }, afterG);
      afterG = result.afterG;
      if (!result.shortcut) return;
      event.preventDefault();
      latest.current(result.shortcut);
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, []);
}
