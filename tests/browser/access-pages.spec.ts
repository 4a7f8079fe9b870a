/** The pages of access, light and dark, at a desk and on a phone, with their dialogs open. */

import { expect, type Page, test } from "@playwright/test";
import { check, failuresOf, SIZES } from "./accessibility";
import { admin, login } from "./support";

const heading = (name: string) => (page: Page) =>
  page.getByRole("heading", { name, exact: true }).first().waitFor();
const PAGES: [string, (page: Page) => Promise<unknown>, string | null][] = [
  ["users", heading("Users"), "Invite someone"],
  ["teams", heading("Teams"), "New team"],
  ["keys", heading("Keys"), "New key"],
  ["limits", heading("Limits"), "Set a limit"],
  ["usage", heading("Usage"), null],
  ["audit", heading("Audit log"), null],
  ["account", (page) => page.getByLabel("New password", { exact: true }).waitFor(), null],
  ["settings", heading("Settings"), null],
];

test("what the pages are looked at with is there", async ({ request }) => {
  const headers = { Authorization: `Bearer ${admin().api_key}` };
  const made = await request.post("/api/v1/keys", { headers, data: { name: "for the pages" } });
  expect(made.status()).toBe(201);
  const limits = { tokens_per_day: 1_000_000_000 };
  const put = await request.put("/api/v1/limits/installation", { headers, data: limits });
  expect(put.ok()).toBe(true);
});

for (const scheme of ["light", "dark"] as const) {
  for (const [size, viewport] of SIZES) {
    test(`access pages are accessible: ${scheme}, ${size}`, async ({ browser, request }) => {
      test.setTimeout(90_000);
      const context = await browser.newContext({ colorScheme: scheme, viewport });
      const page = await context.newPage();
      const failures = await failuresOf(page);
      const shot = (name: string) => `${name}-${scheme}-${size}`;
      await page.goto("/login");
      await page.getByLabel("User name").waitFor();
      await check(page, shot("login"));
      const headers = { Authorization: `Bearer ${admin().api_key}` };
      const username = `look-${scheme}-${size}-${Date.now().toString(36)}`;
      const data = { username, role: "member" };
      const invited = await request.post("/api/v1/invitations", { headers, data });
      expect(invited.ok(), await invited.text()).toBe(true);
      const { url } = (await invited.json()) as { url: string };
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
