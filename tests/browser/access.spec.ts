/** Handing the server to others: invite, log in, make a key, be limited, see the use, revoke, look it up. */

import { expect, type Page, test } from "@playwright/test";
import { demoIsReady, demoQuestion, login } from "./support";

const MEMBER = `anna-${Date.now().toString(36)}`;
const TEAM = `team-${Date.now().toString(36)}`;
const PASSWORD = ["correct", "horse", "battery", "staple"].join(" ");
const KEY_NAME = "reports of anna";

async function shownSecret(page: Page): Promise<string> {
  const shown = page.locator("[data-secret]");
  await expect(shown).toBeVisible();
  const text = (await shown.textContent()) ?? "";
  await page.getByRole("button", { name: "I have kept it" }).click();
  await expect(shown).toBeHidden();
  return text;
}

test("a member is invited, makes a limited key, is held to it, and all of it is found again", async ({
  page,
  browser,
  request,
}) => {
  test.setTimeout(400_000);
  await demoIsReady(request);
  await login(page, "/teams");
  const guest = await (await browser.newContext()).newPage();
  let link = "";
  let key = "";

  await test.step("an administrator makes a team and invites a member", async () => {
    await page.getByRole("button", { name: "New team" }).click();
    await page.getByLabel("Name", { exact: true }).fill(TEAM);
    await page.getByRole("button", { name: "Make the team" }).click();
    await expect(page.getByRole("heading", { name: TEAM })).toBeVisible();
    await page.getByRole("link", { name: "Users", exact: true }).click();
    await page.getByRole("button", { name: "Invite someone" }).click();
    await page.getByLabel("User name").fill(MEMBER);
    await page.getByLabel("Team", { exact: true }).selectOption(TEAM);
    await page.getByRole("button", { name: "Make the link" }).click();
    link = await shownSecret(page);
    await expect(page.getByRole("row", { name: new RegExp(MEMBER) })).toContainText("invited");
  });

  await test.step("the member comes in by the link, once", async () => {
    await guest.goto(link);
    await expect(guest.getByRole("heading", { name: `Welcome, ${MEMBER}` })).toBeVisible();
    await guest.getByLabel("New password", { exact: true }).fill(PASSWORD);
    await guest.getByLabel("New password again").fill(PASSWORD);
    await guest.getByRole("button", { name: "Set the password" }).click();
    await expect(guest.getByRole("button", { name: `Account of ${MEMBER}` })).toBeVisible();
    await expect(guest.getByRole("link", { name: "Users", exact: true })).toBeHidden();
    await guest.goto("/users");
    await expect(guest.getByText(/It needs the role administrator/)).toBeVisible();
    const late = await (await browser.newContext()).newPage();
    await late.goto(link);
    await expect(late.getByRole("heading", { name: "This link does not work" })).toBeVisible();
    await late.context().close();
  });

  await test.step("the member makes a key for one model and 1,000 tokens a minute", async () => {
    await guest.getByRole("link", { name: "Keys", exact: true }).click();
    await guest.getByRole("button", { name: "New key" }).click();
    await guest.getByLabel("Name", { exact: true }).fill(KEY_NAME);
    await guest.getByLabel("Models", { exact: true }).fill("demo");
    await guest.getByLabel("Tokens a minute").fill("1,000");
    await guest.getByRole("button", { name: "Make the key" }).click();
    key = await shownSecret(guest);
    expect(key).toMatch(/^vm-/);
    await expect(guest.getByText("1,000 tokens/min")).toBeVisible();
    expect(await guest.content()).not.toContain(key);
  });

  await test.step("its use is refused in time, with the limit named", async () => {
    const { question } = demoQuestion();
    const ask = () =>
      guest.request.post("/v1/chat/completions", {
        headers: { Authorization: `Bearer ${key}` },
        data: {
          model: "demo",
          stream: true,
          max_tokens: 300,
          messages: [{ role: "user", content: question }],
        },
      });
    await expect.poll(async () => (await ask()).status(), { timeout: 60_000 }).toBe(200);
    let last = await ask();
    for (let n = 0; n < 60 && last.status() === 200; n += 1) last = await ask();
    expect(last.status()).toBe(429);
    const told = last.headers();
    expect(told["x-ratelimit-limit-tokens"]).toBe("1000");
    expect(Number(told["retry-after"])).toBeGreaterThan(0);
    const { error } = (await last.json()) as { error: { code: string; message: string } };
    expect(error.code).toBe("rate_limit_exceeded");
    expect(error.message).toContain(`key “${KEY_NAME}” may use 1,000 tokens a minute`);
  });

  await test.step("the member sees the use, and the administrator sees it by team", async () => {
    await guest.getByRole("link", { name: "Usage", exact: true }).click();
    await guest.getByLabel("By", { exact: true }).selectOption("key");
    await expect(guest.getByRole("cell", { name: KEY_NAME })).toBeVisible();
    await page.getByRole("link", { name: "Usage", exact: true }).click();
    await page.getByLabel("By", { exact: true }).selectOption("team");
    await expect(page.getByRole("cell", { name: TEAM })).toBeVisible();
  });

  await test.step("the administrator revokes the key, and finds each step in the log", async () => {
    await page.getByRole("link", { name: "Keys", exact: true }).click();
    await page.getByRole("searchbox").fill(MEMBER);
    await page.getByRole("button", { name: `Actions for ${KEY_NAME}` }).click();
    await page.getByRole("menuitem", { name: "Revoke" }).click();
    await page.getByRole("button", { name: "Revoke", exact: true }).click();
    await expect(page.getByText(`${KEY_NAME} was revoked.`)).toBeVisible();
    const headers = { Authorization: `Bearer ${key}` };
    await expect
      .poll(async () => (await guest.request.get("/v1/models", { headers })).status())
      .toBe(401);
    await page.getByRole("link", { name: "Audit log", exact: true }).click();
    for (const words of [
      "create team",
      "create invitation",
      "accept link",
      "create key",
      "revoke key",
    ])
      await expect(page.getByRole("cell", { name: new RegExp(`^${words}`) }).first()).toBeVisible();
    await page.getByRole("button", { name: "Verify" }).click();
    await expect(page.getByText(/entries are as they were written/)).toBeVisible();
  });
  await guest.context().close();
});
