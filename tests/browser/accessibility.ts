/** What must hold of every page: accessible, no wider than its screen, within its own policy. */

import { join } from "node:path";
import AxeBuilder from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";

export const SIZES: [string, { width: number; height: number }][] = [
  ["desk", { width: 1280, height: 900 }],
  ["phone", { width: 390, height: 844 }],
];

export async function check(page: Page, shot: string): Promise<void> {
  if (process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, `${shot}.png`) });
  const { violations } = await new AxeBuilder({ page }).analyze();
  const bad = violations.filter((v) => v.impact === "serious" || v.impact === "critical");
  const found = bad.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 160)).join(" | ")}`);
  expect(found, shot).toEqual([]);
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(overflow, `${shot}: wider than the screen`).toBeLessThanOrEqual(0);
}

/** Collects what goes wrong in a page from now on: errors, and breaches of its security policy. */
export async function failuresOf(page: Page): Promise<string[]> {
  const failures: string[] = [];
  page.on("pageerror", (error) => failures.push(String(error)));
  await page.exposeFunction("tellBreach", (breach: string) => failures.push(breach));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      const { violatedDirective, blockedURI, sourceFile, lineNumber, sample } = event;
      const tell = (window as unknown as { tellBreach: (breach: string) => void }).tellBreach;
      tell(`${violatedDirective} ${blockedURI} ${sourceFile}:${lineNumber} ${sample}`);
    });
  });
  return failures;
}
