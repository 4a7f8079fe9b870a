/** The pages of access, light and dark, at a desk and on a phone, with their dialogs open. */

import { expect, type Locator, type Page, test } from "@playwright/test";
import { check, failuresOf, SIZES } from "./accessibility";
import { admin, demoIsReady, login } from "./support";

const heading = (name: string) => (page: Page) =>
  page.getByRole("heading", { name, exact: true }).first().waitFor();
const table = (page: Page) => page.getByRole("table").first().waitFor();
const shownOr = (empty: string, full: (page: Page) => Locator) => (page: Page) =>
  page.getByText(empty).or(full(page)).first().waitFor();
const PAGES: [string, (page: Page) => Promise<unknown>, string | null][] = [
  ["users", table, "Invite someone"],
  ["teams", shownOr("No teams yet", (page) => page.locator("main section")), "New team"],
  ["keys", table, "New key"],
  ["limits", table, "Set a limit"],
  ["usage", shownOr("Nothing was asked in this span", (page) => page.getByRole("table")), null],
  ["audit", table, null],
  ["account", (page) => page.getByLabel("New password", { exact: true }).waitFor(), null],
  ["settings", heading("Settings"), null],
];

const headers = { Authorization: `Bearer ${admin().api_key}` };
const made = { keys: [] as string[], users: [] as string[] };

test.afterAll(async ({ request }) => {
  for (const id of made.keys) await request.post(`/api/v1/keys/${id}/revoke`, { headers });
  for (const id of made.users) await request.post(`/api/v1/users/${id}/disable`, { headers });
  await request.delete("/api/v1/limits/installation", { headers });
});

test("what the pages are looked at with is there", async ({ request }) => {
  const key = await request.post("/api/v1/keys", { headers, data: { name: "for the pages" } });
  expect(key.status()).toBe(201);
  made.keys.push(((await key.json()) as { key: { id: string } }).key.id);
  const limits = { tokens_per_day: 1_000_000_000 };
  const put = await request.put("/api/v1/limits/installation", { headers, data: limits });
  expect(put.ok()).toBe(true);
});

for (const scheme of ["light", "dark"] as const) {
  for (const [size, viewport] of SIZES) {
    test(`access pages are accessible: ${scheme}, ${size}`, async ({ browser, request }) => {
      test.setTimeout(240_000);
      await demoIsReady(request);
      const context = await browser.newContext({ colorScheme: scheme, viewport });
      const page = await context.newPage();
      const failures = await failuresOf(page);
      const shot = (name: string) => `${name}-${scheme}-${size}`;
      await page.goto("/login");
      await page.getByLabel("User name").waitFor();
      await check(page, shot("login"));
      const username = `look-${scheme}-${size}-${Date.now().toString(36)}`;
      const data = { username, role: "member" };
      const invited = await request.post("/api/v1/invitations", { headers, data });
      expect(invited.ok(), await invited.text()).toBe(true);
      const { url, user } = (await invited.json()) as { url: string; user: { id: string } };
      made.users.push(user.id);
      const { pathname, hash } = new URL(url);
      await page.goto(pathname + hash);
      await page.getByLabel("New password", { exact: true }).waitFor();
      await check(page, shot("join"));
      await login(page);
      for (const [name, shown, dialog] of PAGES) {
        await page.goto(`/${name}`);
        await shown(page);
        await check(page, shot(name));
        if (!dialog) continue;
        await page.getByRole("button", { name: dialog }).first().click();
        await page.getByRole("dialog").waitFor();
        await check(page, shot(`${name}-dialog`));
        await page.keyboard.press("Escape");
      }
      await page.keyboard.press("Control+k");
      await page.getByRole("dialog").waitFor();
      await check(page, shot("palette"));
      expect(failures).toEqual([]);
      await context.close();
    });
  }
}
