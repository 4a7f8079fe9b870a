/** What a person sees while a model starts, and when a request is refused. */

import { expect, test } from "@playwright/test";
import { admin, demoIsReady, deploymentOf, fillLogin, login, remove } from "./support";

const NAME = "reloaded-demo";

test("a reload in the middle of a start keeps its progress", async ({ page, request }) => {
  test.setTimeout(180_000);
  await login(page, "/deployments/new");
  await page.getByLabel("Name", { exact: true }).fill(NAME);
  await page.getByRole("button", { name: "Deploy", exact: true }).click();
  const startUp = page.getByRole("region", { name: "Start-up" });
  await expect(startUp.getByText(/so far/)).toBeVisible({ timeout: 60_000 });
  await expect
    .poll(async () => (await deploymentOf(request, NAME))?.phase, { timeout: 90_000 })
    .not.toMatch(/queued|scheduling/);

  /** The start may end at any moment; then it says in all how long it took, which is no less. */
  const soFar = async () => {
    const shown = startUp.getByText(/so far|Ready after/).first();
    const text = (await shown.textContent()) ?? "";
    const [, minutes = "0", seconds = "0"] =
      /(?:(\d+) min ?)?(?:([\d.]+) s)?(?: so far|$)/.exec(text) ?? [];
    return Number(minutes) * 60 + Number(seconds);
  };
  const before = await soFar();
  await page.reload();
  await expect(startUp.getByText(/so far|Ready after/).first()).toBeVisible();
  expect(await soFar()).toBeGreaterThanOrEqual(Math.floor(before));
  await expect(page.getByRole("button", { name: /operation/i })).toBeVisible();
  await remove(request, NAME);
});

test.describe("bad input", () => {
  test("a wrong password is refused and the form is kept", async ({ page }) => {
    await page.goto("/deployments?q=x");
    await fillLogin(page, "wrong");
    await expect(page.getByRole("alert")).toBeVisible();
    await expect(page.getByLabel("User name")).toHaveValue(admin().username);
    await fillLogin(page, admin().password);
    await expect(page).toHaveURL("/deployments?q=x");
  });

  test("an unknown engine argument is named at its row, with the nearest known one", async ({
    page,
  }) => {
    await login(page, "/deployments/new");
    await page.getByLabel("Name", { exact: true }).fill("never");
    await page.getByRole("button", { name: "Add an argument" }).click();
    await page.getByLabel("Argument 1").fill("max_num_sequence");
    await page.getByLabel("Value 1").fill("4");
    await page.getByRole("button", { name: "Deploy", exact: true }).click();
    await page.getByRole("button", { name: "Use max_num_seqs" }).click();
    await expect(page.getByLabel("Argument 1")).toHaveValue("max_num_seqs");
  });

  test("a folder that does not exist is refused at the field, which has the focus", async ({
    page,
  }) => {
    await login(page, "/deployments/new");
    await page.getByLabel("Name", { exact: true }).fill("never");
    await page.getByLabel("Model", { exact: true }).fill("/no/such/folder");
    await page.getByRole("button", { name: "Deploy", exact: true }).click();
    await expect(page.getByText("There is no folder /no/such/folder")).toBeVisible();
    await expect(page.getByLabel("Model", { exact: true })).toBeFocused();
    await expect(page.getByLabel("Name", { exact: true })).toHaveValue("never");
  });

  test("a deployment that does not exist says so and leads back", async ({ page }) => {
    await login(page, "/deployments/no-such-thing");
    await expect(page.getByText("There is no deployment called no-such-thing")).toBeVisible();
    await page.getByRole("link", { name: "All deployments" }).click();
    await expect(page).toHaveURL("/deployments");
  });
});

test("a session that ends in mid-work asks again and keeps what was typed", async ({
  page,
  request,
}) => {
  await demoIsReady(request);
  await login(page, "/deployments/new");
  await page.getByLabel("Name", { exact: true }).fill("kept-name");
  await page.getByLabel("Model", { exact: true }).fill("/no/such/folder");
  await page.context().clearCookies();
  await page.getByRole("button", { name: "Deploy", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Your session has ended" });
  await dialog.getByLabel("User name").fill(admin().username);
  await dialog.getByLabel("Password").fill(admin().password);
  await dialog.getByRole("button", { name: "Log in", exact: true }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("kept-name");
});
