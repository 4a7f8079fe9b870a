/** Logging in at the company's own provider: there, back to where one was going, and a refusal told in words. */

import { expect, type Page, test } from "@playwright/test";
import { COMPANY, fillLogin } from "./support";

const PROVIDER = process.env.OIDC_URL ?? "";
const MEMBER = `carla-${Date.now().toString(36)}`;

async function toProvider(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await page.getByRole("button", { name: `Log in with ${COMPANY}` }).click();
  await expect(page).toHaveURL(new RegExp(`^${PROVIDER}/oauth2/authorize`));
}

test("a person logs in at the provider and comes back to the page they wanted", async ({
  page,
  request,
}) => {
  const claims = { preferred_username: MEMBER, groups: ["everybody"] };
  const known = await request.put(`${PROVIDER}/users/${MEMBER}`, { data: claims });
  expect(known.ok()).toBe(true);
  await toProvider(page, "/keys");
  await page.getByPlaceholder("sub").fill(MEMBER);
  await page.getByRole("button", { name: "Authorize" }).click();
  await expect(page.getByRole("button", { name: `Account of ${MEMBER}` })).toBeVisible();
  await expect(page).toHaveURL(/\/keys$/);
  await page.reload();
  await expect(page.getByRole("button", { name: `Account of ${MEMBER}` })).toBeVisible();
  await page.goto("/users");
  await expect(page.getByText(/It needs the role administrator/)).toBeVisible();
});

test("who has no access there is told so, and can log in with a password", async ({
  page,
  request,
}) => {
  const stranger = `${MEMBER}-2`;
  await request.put(`${PROVIDER}/users/${stranger}`, { data: { groups: ["others"] } });
  await toProvider(page, "/");
  await page.getByPlaceholder("sub").fill(stranger);
  await page.getByRole("button", { name: "Authorize" }).click();
  await expect(page.getByRole("alert")).toContainText("your account has no access");
  await page.getByRole("link", { name: "Back to the login" }).click();
  await fillLogin(page, "not the password");
  await expect(page.getByRole("alert")).toContainText("wrong");
});
