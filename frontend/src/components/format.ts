/** Figures and times as people read them. Unknown is an en dash, never 0. */

import type { Phase } from "@/api/types";
import { t } from "@/strings";

export const UNKNOWN = "–";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

export function count(n: number | null | undefined): string {
  return n == null ? UNKNOWN : whole.format(n);
}

/** Small rates keep one decimal: 3.4, but 412. */
export function rate(n: number | null | undefined): string {
  if (n == null) return UNKNOWN;
  return n < 10 ? tenth.format(n) : whole.format(n);
}

/** A length of time: `0.4 s`, `18 s`, `1 min 02 s`, `3 h 10 min`. */
export function seconds(s: number | null | undefined): string {
  if (s == null || Number.isNaN(s)) return UNKNOWN;
  if (s < 9.95) return `${tenth.format(Math.max(0, s))} s`;
  const total = Math.round(s);
  if (total < 60) return `${total} s`;
  const pad = (n: number) => String(n).padStart(2, "0");
  if (total < 3600 && total % 60 === 0) return `${total / 60} min`;
  if (total < 3600) return `${Math.floor(total / 60)} min ${pad(total % 60)} s`;
  return `${Math.floor(total / 3600)} h ${pad(Math.floor((total % 3600) / 60))} min`;
}

const two = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });

/** A short time: tenths of a second tell too little of it. `60 µs`, `42 ms`, `1.2 s`. */
export function brief(s: number | null | undefined): string {
  if (s == null) return UNKNOWN;
  if (s > 0 && s < 0.001) return `${two.format(s * 1e6)} µs`;
  return s > 0 && s < 0.95 ? `${Math.round(s * 1000)} ms` : seconds(s);
}

/** An age in its largest unit: `now`, `42 s`, `6 min`, `3 h`, `2 d`. */
export function age(fromIso: string, nowMs: number): string {
  const s = Math.max(0, (nowMs - Date.parse(fromIso)) / 1000);
  if (Number.isNaN(s)) return UNKNOWN;
  if (s < 5) return t.time.now;
  if (s < 60) return `${Math.floor(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}

export function ago(fromIso: string, nowMs: number): string {
  const text = age(fromIso, nowMs);
  return text === t.time.now || text === UNKNOWN ? text : t.time.ago(text);
}

export function clockTime(iso: string): string {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? UNKNOWN : at.toLocaleTimeString("en-GB");
}

export function dateTime(iso: string): string {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? UNKNOWN : at.toLocaleString("en-GB");
}

export type Tone = "ready" | "working" | "warning" | "failed" | "idle";

const TONES: Record<Phase, Tone> = {
  stopped: "idle",
  queued: "working",
  scheduling: "working",
  fetching: "working",
  starting: "working",
  loading: "working",
  compiling: "working",
  warming: "working",
  ready: "ready",
  degraded: "warning",
  unreachable: "warning",
  stopping: "working",
  failed: "failed",
  deleting: "working",
};

export function toneOf(phase: Phase): Tone {
  return TONES[phase] ?? "idle";
}

/** The phase in words, with its progress where it is known: `loading weights 41 %`. */
export function phaseWords(phase: Phase, progress?: number | null): string {
  const words = t.phases[phase] ?? phase;
  const part = toneOf(phase) === "working" && progress != null && progress > 0 && progress < 1;
  return part ? `${words} ${Math.floor(progress * 100)} %` : words;
}

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A size as a person reads it: `512 B`, `4.2 GiB`. */
export function bytes(n: number | null | undefined): string {
  if (n == null) return UNKNOWN;
  let value = n;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || Math.abs(value) >= 100 ? whole.format(value) : tenth.format(value)} ${BYTE_UNITS[unit]}`;
}
