/** The whole path, as a person goes it: log in, deploy, watch, chat, delete. */

import { expect, test } from "@playwright/test";
import { demoQuestion, login, READY_MS, remove } from "./support";

const NAME = "second-demo";

test.afterEach(({ request }) => remove(request, NAME));

test("a second copy of the demo model is deployed, answers and is deleted", async ({ page }) => {
  test.setTimeout(READY_MS + 120_000);
  await login(page);

  await test.step("deploy it from the form", async () => {
    await page.getByRole("link", { name: "Deploy a model" }).click();
    await page.getByLabel("Model", { exact: true }).fill("demo");
    await page.getByLabel("Name", { exact: true }).fill(NAME);
    await page.getByRole("button", { name: "Deploy", exact: true }).click();
    await expect(page).toHaveURL(`/deployments/${NAME}`);
    await expect(page.getByRole("heading", { level: 1, name: NAME })).toBeVisible();
  });

  await test.step("watch it become ready", async () => {
    const startUp = page.getByRole("region", { name: "Start-up" });
    await expect(startUp.getByText("loading weights")).toBeVisible({ timeout: READY_MS });
    await expect(page.getByRole("log", { name: "Log lines" })).toContainText(/\w/, {
      timeout: READY_MS,
    });
    await expect(page.getByRole("link", { name: "Chat" })).toBeVisible({ timeout: READY_MS });
    await expect(startUp.getByText(/^Ready after/)).toBeVisible();
  });

  await test.step("chat, and get the exact answer", async () => {
    const { question, answer } = demoQuestion();
    await page.getByRole("link", { name: "Chat" }).click();
    await expect(page.getByLabel("Model")).toHaveValue(NAME);
    await page.getByLabel("Question").fill(question);
    await page.keyboard.press("Enter");
    const reply = page.locator('[data-role="assistant"]');
    await expect(reply).toHaveText(answer, { timeout: 60_000 });
    await expect(page.getByText(/TTFT \d+ ms · [\d.,]+ tok\/s · \d+ tokens/)).toBeVisible();
  });

  await test.step("delete it", async () => {
    await page.goto(`/deployments/${NAME}`);
    await page.getByRole("button", { name: "Delete" }).click();
    const dialog = page.getByRole("dialog");
    await expect(dialog.getByRole("button", { name: "Delete" })).toBeDisabled();
    await dialog.getByLabel(`Type ${NAME} to confirm`).fill(NAME);
    await dialog.getByRole("button", { name: "Delete" }).click();
    await expect(page).toHaveURL(/\/deployments$/);
    await expect(page.getByRole("link", { name: NAME, exact: true })).toHaveCount(0, {
      timeout: 60_000,
    });
  });
});
