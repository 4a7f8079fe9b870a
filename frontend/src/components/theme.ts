/** Light or dark: the system's preference until a person chooses. */

import { useSyncExternalStore } from "react";

const KEY = "theme";
const listeners = new Set<() => void>();
const system = window.matchMedia("(prefers-color-scheme: dark)");

function chosen(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function apply(dark: boolean): void {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  for (const listener of listeners) listener();
}

system.addEventListener("change", (event) => {
  if (chosen() === null) apply(event.matches);
});

function isDark(): boolean {
  return document.documentElement.dataset.theme === "dark";
}

export function toggleTheme(): void {
  const dark = !isDark();
  try {
    localStorage.setItem(KEY, dark ? "dark" : "light");
  } catch {
    // The choice then lasts as long as the page.
  }
  apply(dark);
}

export function useDark(): boolean {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, isDark);
}
