/** Every page, light and dark, at a desk and on a phone: no serious accessibility finding, no page wider than its screen. */

import { expect, type Page, test } from "@playwright/test";
import { check, failuresOf, SIZES } from "./accessibility";
import { demoIsReady, login } from "./support";
import { Wire } from "./wire";

const PAGES: [string, string, (page: Page) => Promise<unknown>][] = [
  ["overview", "/", (page) => page.getByRole("table").waitFor()],
  ["deployments", "/deployments", (page) => page.getByRole("table").waitFor()],
  ["deploy", "/deployments/new", (page) => page.getByLabel("Name", { exact: true }).waitFor()],
  ["logs", "/deployments/demo", (page) => page.getByRole("log").waitFor()],
  [
    "requests tab",
    "/deployments/demo?tab=requests",
    (page) => page.getByText("No request is under way").waitFor(),
  ],
  ["requests", "/requests", (page) => page.getByRole("heading", { name: "Requests" }).waitFor()],
  ["replicas", "/deployments/demo?tab=replicas", (page) => page.getByRole("table").waitFor()],
  ["config", "/deployments/demo?tab=config", (page) => page.getByText('"model"').waitFor()],
  ["events", "/deployments/demo?tab=events", (page) => page.getByRole("time").first().waitFor()],
  ["discover", "/models", (page) => page.getByText("Popular now").waitFor()],
  ["model", "/hub/acme/tiny-chat", (page) => page.getByText("model.safetensors").waitFor()],
  ["library", "/library", (page) => page.getByRole("heading", { name: "Library" }).waitFor()],
  ["downloads", "/downloads", (page) => page.getByRole("heading", { name: "Downloads" }).waitFor()],
  ["configs", "/configs", (page) => page.getByRole("heading", { name: "Configs" }).waitFor()],
  ["new config", "/configs/new", (page) => page.getByLabel("Name", { exact: true }).waitFor()],
  ["cluster", "/cluster", (page) => page.getByRole("heading", { name: "Disks" }).waitFor()],
  ["product log", "/logs", (page) => page.getByRole("log").waitFor()],
  [
    "monitoring",
    "/monitoring?view=nodes",
    (page) => page.getByRole("heading", { name: "Memory in use" }).waitFor(),
  ],
  ["alerts", "/alerts", (page) => page.getByRole("heading", { name: "Who is told" }).waitFor()],
  ["settings", "/settings", (page) => page.getByLabel("Token").first().waitFor()],
  ["playground", "/playground", (page) => page.getByLabel("Question").waitFor()],
  ["missing", "/no-such-page", (page) => page.getByText("There is nothing here").waitFor()],
];
for (const scheme of ["light", "dark"] as const) {
  for (const [size, viewport] of SIZES) {
    test(`every page is accessible: ${scheme}, ${size}`, async ({ browser, request }) => {
      test.setTimeout(240_000);
      await demoIsReady(request);
      const context = await browser.newContext({ colorScheme: scheme, viewport });
      const page = await context.newPage();
      const failures = await failuresOf(page);
      await page.goto("/");
      await page.getByLabel("User name").waitFor();
      await check(page, `login-${scheme}-${size}`);
      await login(page);
      for (const [name, path, shown] of PAGES) {
        await page.goto(path);
        await shown(page);
        await check(page, `${name}-${scheme}-${size}`);
      }
      expect(failures).toEqual([]);
      await context.close();
    });
  }
}

test("the keyboard alone reaches pages, the palette and the shortcuts", async ({ page }) => {
  await login(page);
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the content" })).toBeFocused();
  await page.keyboard.press("g");
  await page.keyboard.press("d");
  await expect(page).toHaveURL("/deployments");
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Keyboard shortcuts" })).toBeVisible();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+k");
  await page.getByPlaceholder("A page, a deployment, something to do…").fill("playground");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/playground/);
});

test("two tabs share one event stream", async ({ context }) => {
  const streams: string[] = [];
  context.on("request", (r) => {
    if (r.url().includes("/api/v1/events")) streams.push(r.url());
  });
  const first = await context.newPage();
  await login(first);
  await expect(first.getByText("live", { exact: true })).toBeVisible();
  const opened = streams.length;
  const second = await context.newPage();
  await second.goto("/");
  await expect(second.getByText("live", { exact: true })).toBeVisible({ timeout: 15_000 });
  expect(streams.length).toBe(opened);
});

test("a row's menu opens by keyboard, and Escape gives the focus back", async ({
  page,
  request,
}) => {
  await demoIsReady(request);
  await login(page, "/deployments");
  const button = page.getByRole("button", { name: "Actions for demo" });
  await button.focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("menuitem", { name: "Stop" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("menu")).toHaveCount(0);
  await expect(button).toBeFocused();
});

test("a lost connection is said, nothing stays green, and it comes back by itself", async ({
  page,
  request,
  baseURL,
}) => {
  test.setTimeout(120_000);
  await demoIsReady(request);
  const wire = await Wire.to(baseURL ?? "");
  await login(page, `${wire.url}/deployments`);
  await expect(page.getByText("live", { exact: true })).toBeVisible();
  await wire.cut();
  await expect(page.getByText("reconnecting", { exact: true })).toBeVisible({ timeout: 40_000 });
  await expect(page.getByText(/The connection to the server was lost: last update/)).toBeVisible();
  await expect(page.getByText("ready?", { exact: true })).toBeVisible();
  await wire.mend();
  await expect(page.getByText("live", { exact: true })).toBeVisible({ timeout: 40_000 });
  await expect(page.getByRole("table").getByText("ready", { exact: true })).toBeVisible();
  await wire.cut();
});
