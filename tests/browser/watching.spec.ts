/** Charts and alerts: the range stands in the address, a table behind each chart; remedies, who is told, and quiet. */

import { expect, test } from "@playwright/test";
import { admin, demoIsReady, deploymentOf, login, READY_MS, remove } from "./support";

const RECEIVER = "nobody";
const BROKEN = "too-long-a-context";

test.afterEach(async ({ request }) => {
  const headers = { Authorization: `Bearer ${admin().api_key}` };
  const answer = await request.get("/api/v1/alerts/receivers", { headers });
  const { items } = (await answer.json()) as { items: { id: string; name: string }[] };
  for (const { id, name } of items)
    if (name === RECEIVER) await request.delete(`/api/v1/alerts/receivers/${id}`, { headers });
  if (await deploymentOf(request, BROKEN)) await remove(request, BROKEN);
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

test("the cross-hair of one chart is that of all", async ({ page, request }) => {
  await demoIsReady(request);
  await login(page, "/monitoring?view=nodes&range=15m");
  const chart = (name: string) => page.getByRole("region", { name });
  const hair = (name: string) =>
    chart(name)
      .locator(".u-cursor-x")
      .evaluate((line: HTMLElement) => line.style.transform);
  await expect(chart("Processors in use").locator("canvas")).toBeVisible();
  const there = { position: { x: 200, y: 40 } };
  await chart("Memory in use").locator(".u-over").hover(there);
  await expect.poll(() => hair("Memory in use")).toMatch(/translate\(?X?\(?[1-9]/);
  const here = await hair("Memory in use");
  await expect.poll(() => hair("Processors in use")).toBe(here);
});

test("nonsense in an address is as if it were not there", async ({ page }) => {
  await login(page, "/monitoring?view=everything&range=ever");
  await expect(page.getByRole("tab", { name: "Models" })).toHaveAttribute("aria-selected", "true");
  await expect(page.getByLabel("Time range")).toHaveValue("1h");
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

test("an alert's remedy is done by its button, and the alert is over then", async ({
  page,
  request,
}) => {
  test.setTimeout(READY_MS + 120_000);
  await login(page, "/alerts");
  const headers = { Authorization: `Bearer ${admin().api_key}` };
  const asked = { name: BROKEN, model: "demo", arguments: { max_model_len: 100_000 }, force: true };
  expect((await request.post("/api/v1/deployments", { headers, data: asked })).ok()).toBe(true);
  const card = page.getByRole("region", { name: `${BROKEN} failed` });
  const mend = card.getByRole("button", { name: /^Set max_model_len to \d+ and retry/ });
  await expect(mend).toBeVisible({ timeout: READY_MS });
  await mend.click();
  await expect(card).toBeHidden({ timeout: READY_MS });
  await page.getByLabel("Which alerts").selectOption({ label: "Over" });
  await expect(card.first()).toContainText("over since");
});

test("the end of a deployment is asked about on its alert, and given up for good", async ({
  page,
  request,
}) => {
  test.setTimeout(READY_MS + 60_000);
  const headers = { Authorization: `Bearer ${admin().api_key}` };
  const asked = { name: BROKEN, model: "demo", arguments: { max_model_len: 100_000 }, force: true };
  expect((await request.post("/api/v1/deployments", { headers, data: asked })).ok()).toBe(true);
  await login(page, "/alerts");
  const card = page.getByRole("region", { name: `${BROKEN} failed` });
  await card.getByRole("button", { name: /^Stop/ }).click({ timeout: READY_MS });
  const dialog = page.getByRole("dialog", { name: `Stop ${BROKEN}?` });
  await dialog.getByRole("button", { name: "Stop it" }).click();
  await expect.poll(async () => (await deploymentOf(request, BROKEN))?.phase).toBe("stopped");
  await expect(card).toBeHidden({ timeout: 60_000 });
});
