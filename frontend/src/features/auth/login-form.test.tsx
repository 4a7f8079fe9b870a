import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { expect, test, vi } from "vitest";
import "@/api/client";
import { aProblem } from "@/test/samples";
import { api, server } from "@/test/server";
import { LoginForm } from "./login-form";

async function fillAndSend() {
  await userEvent.type(screen.getByLabelText("User name"), "admin");
  await userEvent.type(screen.getByLabelText("Password"), "wrong");
  await userEvent.click(screen.getByRole("button", { name: "Log in" }));
}

test("a refused login keeps the form and says why", async () => {
  server.use(
    http.post(api("/auth/login"), () =>
      HttpResponse.json(aProblem({ status: 401, detail: "Wrong name or password." }), {
        status: 401,
      }),
    ),
  );
  render(<LoginForm onDone={() => undefined} />);
  await fillAndSend();
  expect((await screen.findByRole("alert")).textContent).toBe("Wrong name or password.");
  expect((screen.getByLabelText("User name") as HTMLInputElement).value).toBe("admin");
});

test("too many attempts count down and wait", async () => {
  server.use(
    http.post(api("/auth/login"), () =>
      HttpResponse.json(aProblem({ status: 429, retry_after_seconds: 42 }), { status: 429 }),
    ),
  );
  render(<LoginForm onDone={() => undefined} />);
  await fillAndSend();
  expect((await screen.findByRole("alert")).textContent).toContain("42 s");
  expect((screen.getByRole("button") as HTMLButtonElement).disabled).toBe(true);
});

test("a login that worked hands the session on", async () => {
  const session = { user: { id: "u", username: "admin", role: "administrator" }, csrf_token: "t" };
  server.use(http.post(api("/auth/login"), () => HttpResponse.json(session)));
  const done = vi.fn();
  render(<LoginForm onDone={done} />);
  await fillAndSend();
  await vi.waitFor(() => expect(done).toHaveBeenCalledWith(session));
});
