/** Requests, live: one is seen under way, opened, cancelled, and found again among those that ended; bodies. */

import { join } from "node:path";
import { expect, type Page, test } from "@playwright/test";
import { admin, demoIsReady, login } from "./support";

const BASE_URL = process.env.BASE_URL ?? "http://127.0.0.1:8800";

function ask(id: string, body: object): Promise<Response> {
  return fetch(`${BASE_URL}/v1/chat/completions`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${admin().api_key}`,
      "Content-Type": "application/json",
      "X-Request-Id": id,
    },
    body: JSON.stringify({
      model: "demo",
      messages: [{ role: "user", content: "Tell me of the sea." }],
      ...body,
    }),
  });
}

/** Long enough to be looked at, with the demo model as well. */
const LONG = { stream: true, max_tokens: 900, n: 32, temperature: 1, ignore_eos: true };

async function shoot(page: Page, name: string): Promise<void> {
  if (process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, `${name}.png`) });
}

test("a request is seen, cancelled, and found among those that ended", async ({
  page,
  request,
}) => {
  await demoIsReady(request);
  await login(page, "/requests");
  await expect(page.getByText("No request is under way")).toBeVisible();
  const id = `cancel-${Date.now().toString(36)}`;
  const answer = ask(id, LONG).then((response) => response.text());
  const row = page.getByRole("row", { name: new RegExp(id) });
  await expect(row).toContainText(/prefill|decode/);
  await expect(row).toContainText("decode");
  await shoot(page, "request-under-way");
  await row.getByRole("button", { name: `Cancel ${id}` }).click();
  await page.getByRole("button", { name: "Cancel this request" }).click();
  await expect(row).toBeHidden();
  expect(await answer).toContain("request_cancelled");
  await page.getByRole("button", { name: "Ended" }).click();
  await expect(row).toContainText("cancelled");
  await row.getByRole("button", { name: id }).click();
  await expect(page.getByRole("dialog")).toContainText("/v1/chat/completions");
  await shoot(page, "request-details");
});

test("bodies are captured where an administrator says so, and everybody sees it", async ({
  page,
  request,
}) => {
  await demoIsReady(request);
  await login(page, "/deployments/demo?tab=requests");
  await page.getByRole("button", { name: "Capture bodies" }).click();
  await shoot(page, "capture");
  await page.getByRole("button", { name: "Start capturing" }).click();
  await expect(page.getByText(/Bodies of requests to demo are captured/)).toBeVisible();
  await page.getByRole("button", { name: "Ended" }).click();
  const id = `seen-${Date.now().toString(36)}`;
  await expect
    .poll(
      async () => {
        // Workers hear of a capture within two seconds.
        await ask(id, { max_tokens: 5 }).then((response) => response.text());
        return page.getByText(/of 20 more/).count();
      },
      { intervals: [1_000] },
    )
    .toBe(0);
  await page.getByRole("button", { name: id }).first().click();
  await page.getByRole("button", { name: "Read the bodies" }).click();
  await expect(page.getByRole("region", { name: "Asked" })).toContainText("Tell me of the sea.");
  await expect(page.getByRole("region", { name: "Answered" })).toContainText("choices");
  await shoot(page, "bodies");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Stop and erase" }).click();
  await expect(page.getByText(/Bodies of requests to demo are captured/)).toBeHidden();
});
