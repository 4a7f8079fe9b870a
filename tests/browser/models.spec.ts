/** From “which model?” to an answer: search, card, fit, download, config, deployment, chat. */

import { type APIRequestContext, expect, test } from "@playwright/test";
import { admin, demoQuestion, login, READY_MS, remove } from "./support";

const MODEL = "acme/tiny-chat";
const LARGE = "acme/large";
const CONFIG = "tiny-from-the-page";
const NAME = "found-on-the-page";

/** The hub gives its large files so slowly that 400 MB take minutes, until it is told otherwise. */
const slowHub = (request: APIRequestContext) =>
  request.post(`${process.env.HUB_URL}/_control/faults`, {
    data: { path: "*/cdn/*", bytes_per_second: 400_000 },
  });
const quickHub = (request: APIRequestContext) =>
  request.delete(`${process.env.HUB_URL}/_control/faults`);

/** How far the server says that a model's download is. */
async function progressOf(request: APIRequestContext, repo: string) {
  const headers = { Authorization: `Bearer ${admin().api_key}` };
  const answer = await request.get("/api/v1/downloads", { headers });
  const { items } = (await answer.json()) as {
    items: { repo: string; state: string; bytes_done: number; bytes_total: number | null }[];
  };
  const found = items.find((one) => one.repo === repo);
  return { state: found?.state, done: found?.bytes_done ?? 0, total: found?.bytes_total ?? 0 };
}

test.afterEach(async ({ request }) => {
  await quickHub(request);
  await remove(request, NAME);
  const headers = { Authorization: `Bearer ${admin().api_key}` };
  await request.delete(`/api/v1/configs/${CONFIG}`, { headers });
});

test("a model is found, read, fetched, configured, deployed and asked", async ({
  page,
  request,
}) => {
  test.setTimeout(READY_MS + 180_000);
  await login(page, "/models");

  await test.step("search, and read what it is", async () => {
    await page.getByRole("searchbox", { name: "Search the hub" }).fill("tiny");
    await expect(page).toHaveURL(/q=tiny/);
    await page.getByRole("link", { name: MODEL }).click();
    await expect(page.getByText("A model for tests.")).toBeVisible();
    await expect(page.getByText("LlamaForCausalLM")).toBeVisible();
    const fit = page.getByRole("region", { name: "Does it fit?" });
    await expect(fit.getByText("fits", { exact: true })).toBeVisible();
  });

  await test.step("fetch it", async () => {
    await page.getByRole("button", { name: "Download" }).click();
    await expect(page).toHaveURL(/\/downloads$/);
    const row = page.getByRole("listitem").filter({ hasText: MODEL }).first();
    await expect(row.getByText("done", { exact: true })).toBeVisible({ timeout: 60_000 });
  });

  await test.step("fetch another slowly, and see it go on after a reload", async () => {
    await slowHub(request);
    await page.goto(`/hub/${LARGE}`);
    await page.getByRole("button", { name: "Download" }).click();
    await expect(page).toHaveURL(/\/downloads$/);
    const row = page.getByRole("listitem").filter({ hasText: LARGE }).first();
    const percent = async () =>
      Number(await row.getByRole("progressbar").getAttribute("aria-valuenow"));
    await expect.poll(percent, { timeout: 60_000 }).toBeGreaterThan(0);
    const before = await progressOf(request, LARGE);
    await page.reload();
    await expect(row.getByText("running", { exact: true })).toBeVisible();
    const shown = await percent();
    const after = await progressOf(request, LARGE);
    expect(before.done).toBeGreaterThan(0);
    expect(after.done).toBeGreaterThanOrEqual(before.done);
    expect(after.done).toBeLessThan(after.total);
    expect(after.state).toBe("running");
    expect(shown).toBeGreaterThan(0);
    expect(shown).toBeLessThan(100);
    await quickHub(request);
    await expect(row.getByText("done", { exact: true })).toBeVisible({ timeout: 120_000 });
    await page.getByRole("link", { name: "Library" }).click();
    await expect(page.getByText(LARGE)).toBeVisible();
  });

  await test.step("make a config of it", async () => {
    await page.goto(`/hub/${MODEL}`);
    await page.getByRole("link", { name: "Make a config" }).click();
    await expect(page.getByLabel("Model", { exact: true })).toHaveValue(MODEL);
    await page.getByLabel("Name", { exact: true }).fill(CONFIG);
    await page.getByLabel("Context, tokens").fill("512");
    await page.getByRole("button", { name: "Save changes" }).click();
    await expect(page).toHaveURL(`/configs/${CONFIG}`);
    await expect(page.getByText('"max_model_len": 512')).toBeVisible();
  });

  await test.step("deploy it, and ask", async () => {
    await page.getByRole("link", { name: "Deploy", exact: true }).click();
    await page.getByLabel("Name", { exact: true }).fill(NAME);
    await page.getByRole("button", { name: "Deploy", exact: true }).click();
    await expect(page).toHaveURL(`/deployments/${NAME}`);
    await expect(page.getByRole("link", { name: "Chat" })).toBeVisible({ timeout: READY_MS });
    const { question, answer } = demoQuestion();
    await page.getByRole("link", { name: "Chat" }).click();
    await page.getByLabel("Question").fill(question);
    await page.keyboard.press("Enter");
    await expect(page.locator('[data-role="assistant"]')).toHaveText(answer, { timeout: 60_000 });
  });
});

test("what can't fit is refused with the setting that works", async ({ page }) => {
  await login(page, `/deployments/new?model=${MODEL}`);
  await page.getByLabel("Name", { exact: true }).fill("too-big");
  await page.getByRole("button", { name: "Add an argument" }).click();
  await page.getByLabel("Argument 1").fill("kv_cache_memory_bytes");
  await page.getByLabel("Value 1").fill("4000000000000");
  const fit = page.getByRole("region", { name: "Does it fit?" });
  await expect(fit.getByText("does not fit", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Deploy", exact: true }).click();
  await expect(page.getByRole("button", { name: "Deploy anyway" })).toBeVisible();
  await fit.getByRole("button", { name: "Use" }).first().click();
  await expect(fit.getByText("fits", { exact: true })).toBeVisible();
});

test("what is being searched for can be typed on while results come", async ({ page }) => {
  await login(page, "/models");
  const box = page.getByRole("searchbox", { name: "Search the hub" });
  await box.pressSequentially("tin");
  await expect(page).toHaveURL(/q=tin/);
  await expect(page.getByRole("link", { name: MODEL })).toBeVisible();
  await box.pressSequentially("y-chat");
  await expect(box).toBeFocused();
  await expect(box).toHaveValue("tiny-chat");
  await expect(page).toHaveURL(/q=tiny-chat/);
  await page.getByLabel("Size", { exact: true }).selectOption("40B and more");
  await expect(page.getByText("Nothing was found")).toBeVisible();
  await page.reload();
  await expect(box).toHaveValue("tiny-chat");
  await expect(page.getByText("Nothing was found")).toBeVisible();
});

test("a revision is chosen, and one that is not there is explained", async ({ page }) => {
  await login(page, `/hub/${MODEL}`);
  const known = await page.request.get(`/api/v1/catalog/models/${MODEL}`);
  const { commit } = (await known.json()) as { commit: string };
  await page.getByLabel("Revision").fill("no-such-branch");
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await expect(page).toHaveURL(/revision=no-such-branch/);
  await expect(page.getByText(/no-such-branch/).first()).toBeVisible();
  await page.getByLabel("Revision").fill(commit);
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await expect(page.getByText(commit.slice(0, 12))).toBeVisible();
  await page.getByRole("link", { name: "Deploy", exact: true }).click();
  await expect(page.getByLabel("Revision", { exact: true })).toHaveValue(commit);
});

test("a model is chosen from what the hub suggests, by keyboard", async ({ page }) => {
  await login(page, "/deployments/new");
  const field = page.getByRole("combobox", { name: "Model", exact: true });
  await field.fill("tiny-ch");
  await expect(page.getByRole("option", { name: MODEL })).toBeVisible();
  await field.press("ArrowDown");
  await expect(page.getByRole("option", { name: MODEL })).toHaveAttribute("aria-selected", "true");
  await field.press("Enter");
  await expect(field).toHaveValue(MODEL);
  await expect(field).toBeFocused();
  await expect(page.getByRole("listbox")).toHaveCount(0);
});

test("script in a model's name, card or files is text, and runs nowhere", async ({ page }) => {
  const script = "<img src=x onerror=window.wasRun=true>";
  const nothingRan = async () => {
    await expect(page.locator("main img, main script")).toHaveCount(0);
    expect(await page.evaluate(() => "wasRun" in window)).toBe(false);
  };
  await login(page, "/hub/acme/scripted");
  await expect(page.getByRole("heading", { name: "Hello" })).toBeVisible();
  await expect(page.getByText(`${script}.txt`)).toBeVisible();
  await expect(page.locator("main a[href^='javascript']")).toHaveCount(0);
  await nothingRan();

  await page.goto(`/hub/acme/${encodeURIComponent(script)}`);
  await expect(page.getByRole("heading", { name: `acme/${script}` })).toBeVisible();
  await expect(page.getByRole("alert")).toBeVisible();
  await nothingRan();

  await page.goto(`/models?q=${encodeURIComponent(script)}`);
  await expect(page.getByRole("searchbox")).toHaveValue(script);
  await expect(page.getByText("Nothing was found")).toBeVisible();
  await nothingRan();

  await page.goto(`/deployments/new?model=${encodeURIComponent(script)}`);
  await expect(page.getByLabel("Model", { exact: true })).toHaveValue(script);
  await nothingRan();
});
