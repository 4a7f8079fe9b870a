/** Charts and alerts: the range stands in the address, a table behind each chart; who is told, and quiet. */

import { expect, test } from "@playwright/test";
import { admin, demoIsReady, login } from "./support";

const RECEIVER = "nobody";

test.afterEach(async ({ request }) => {
  const headers = { Authorization: `Bearer ${admin().api_key}` };
  const answer = await request.get("/api/v1/alerts/receivers", { headers });
  const { items } = (await answer.json()) as { items: { id: string; name: string }[] };
  for (const { id, name } of items)
    if (name === RECEIVER) await request.delete(`/api/v1/alerts/receivers/${id}`, { headers });
});

test("charts keep their range and view in the address, and have a table behind them", async ({
  page,
  request,
}) => {
  await demoIsReady(request);
  await login(page, "/monitoring");
  await page.getByRole("tab", { name: "Nodes" }).click();
  await page.getByLabel("Time range").selectOption("15m");
  await expect(page).toHaveURL(/range=15m/);
  await expect(page).toHaveURL(/view=nodes/);
  const memory = page.getByRole("region", { name: "Memory in use" });
  await expect(memory.locator("canvas")).toBeVisible();
  await page.reload();
  await expect(page.getByRole("tab", { name: "Nodes" })).toHaveAttribute("aria-selected", "true");
  await memory.getByRole("button", { name: "Memory in use as a table" }).click();
  await expect(memory.getByRole("table")).toContainText("GiB");
});

test("a receiver that can't be reached says why, and can be removed", async ({ page }) => {
  await login(page, "/alerts");
  await page.getByRole("button", { name: "Add a receiver" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill(RECEIVER);
  await dialog.getByLabel("Address of the webhook").fill("http://127.0.0.1:9/hook");
  await dialog.getByRole("button", { name: "Add a receiver" }).click();
  const told = page.getByRole("region", { name: "Who is told" });
  const row = told.getByRole("listitem").filter({ hasText: RECEIVER });
  await expect(row).toContainText("not tried yet");
  await row.getByRole("button", { name: "Try it" }).click();
  await expect(row).toContainText("127.0.0.1 can't be reached");
  await expect(row).toContainText("fails");
  await row.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(page.getByText("Nobody is told of alerts yet.")).toBeVisible();
});

test("a silence is asked for with a reason, listed, and ended", async ({ page }) => {
  await login(page, "/alerts");
  await page.getByRole("button", { name: "Silence everything" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("For").selectOption({ label: "four hours" });
  await dialog.getByLabel("Why").fill("Maintenance.");
  await dialog.getByRole("button", { name: "Silence" }).click();
  const silences = page.getByRole("region", { name: "Silences" });
  await expect(silences).toContainText("Maintenance.");
  await silences.getByRole("button", { name: "End it" }).click();
  await expect(silences).toBeHidden();
});
