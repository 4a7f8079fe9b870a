/** Limits between the API's figures and the texts of a form. */

import type { Limits } from "@/api/gen";
import { count } from "@/components/format";
import { limits as w } from "@/strings/access";

export type LimitName = keyof typeof w.names;
export const LIMIT_NAMES = Object.keys(w.names) as LimitName[];
export type LimitTexts = Record<LimitName, string>;

export const NO_TEXTS: LimitTexts = {
  requests_per_minute: "",
  tokens_per_minute: "",
  concurrent_requests: "",
  tokens_per_day: "",
  tokens_per_month: "",
};

type Figures = { [name in LimitName]?: number | null };

export function textsOf(limits: Figures): LimitTexts {
  const texts = { ...NO_TEXTS };
  for (const name of LIMIT_NAMES) texts[name] = limits[name]?.toString() ?? "";
  return texts;
}

/** `1,000` and `1 000` are a thousand, too. */
function figure(text: string): number | null | undefined {
  const plain = text.replace(/[\s,_]/g, "");
  if (plain === "") return null;
  return /^[1-9]\d{0,11}$/.test(plain) ? Number(plain) : undefined;
}

/** The figures, or null where a text is no whole number above 0. */
export function limitsOf(texts: LimitTexts): Limits | null {
  const limits: Figures = {};
  for (const name of LIMIT_NAMES) {
    const value = figure(texts[name]);
    if (value === undefined) return null;
    limits[name] = value;
  }
  return limits as Limits;
}

export function isBad(text: string): boolean {
  return figure(text) === undefined;
}

/** What is limited, each as a few words. */
export function limitWords(limits: Figures): string[] {
  return LIMIT_NAMES.flatMap((name) => {
    const value = limits[name];
    return value == null ? [] : [w.short[name](count(value))];
  });
}
