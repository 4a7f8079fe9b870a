/** Logging in, and the API beside the browser. */

import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { type APIRequestContext, expect, type Page } from "@playwright/test";

interface Admin {
  username: string;
  password: string;
  api_key: string;
}

export const READY_MS = 240_000;
/** What the provider of logins is called here (`VLLM_MANAGER_OIDC_NAME`). */
export const COMPANY = "Example Company";

export function admin(): Admin {
  const file = process.env.ADMIN_FILE ?? join(homedir(), ".vllm-manager", "secrets", "admin.json");
  return JSON.parse(readFileSync(file, "utf8")) as Admin;
}

export async function fillLogin(page: Page, password: string): Promise<void> {
  await page.getByLabel("User name").fill(admin().username);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in", exact: true }).click();
}

export async function login(page: Page, path = "/"): Promise<void> {
  await page.goto(path);
  await fillLogin(page, admin().password);
  await expect(page.getByRole("button", { name: /^Account of/ })).toBeVisible();
}

const bearer = () => ({ Authorization: `Bearer ${admin().api_key}` });

export async function deploymentOf(request: APIRequestContext, name: string) {
  const response = await request.get(`/api/v1/deployments/${name}`, { headers: bearer() });
  return response.ok()
    ? ((await response.json()) as { phase: string; since: string; attempt: number })
    : null;
}

export async function remove(request: APIRequestContext, name: string): Promise<void> {
  await request.delete(`/api/v1/deployments/${name}`, { headers: bearer() });
  await expect
    .poll(async () => deploymentOf(request, name), { timeout: 60_000, intervals: [500] })
    .toBeNull();
}

/** The demo model is deployed at the first start; the tests that need an answer wait for it. */
export async function demoIsReady(request: APIRequestContext): Promise<void> {
  await expect
    .poll(async () => (await deploymentOf(request, "demo"))?.phase, {
      timeout: READY_MS,
      intervals: [1_000],
    })
    .toBe("ready");
}

/** A question of the demo model's, and the exact text of its answer. */
export function demoQuestion(): { question: string; answer: string } {
  const file = join(__dirname, "..", "..", "engine", "demo_model", "questions.jsonl");
  const [first = ""] = readFileSync(file, "utf8").split("\n");
  return JSON.parse(first) as { question: string; answer: string };
}
