import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { type ReactElement, StrictMode } from "react";
import { expect, test, vi } from "vitest";
import "@/api/client";
import { readReturn } from "@/api/sign-on";
import { aProblem } from "@/test/samples";
import { api, server } from "@/test/server";
import { ArrivalPage } from "./arrival-page";
import { SignOn } from "./sign-on";

function show(page: ReactElement) {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <StrictMode>
      <QueryClientProvider client={client}>{page}</QueryClientProvider>
    </StrictMode>,
  );
}

const offered = (view: object) =>
  server.use(http.get(api("/auth/oidc"), () => HttpResponse.json(view)));

test("without single sign-on there is no button", async () => {
  const asked = vi.fn(() => HttpResponse.json({ enabled: false, name: null }));
  server.use(http.get(api("/auth/oidc"), asked));
  show(<SignOn returnTo="/" />);
  await vi.waitFor(() => expect(asked).toHaveBeenCalled());
  expect(screen.queryByRole("button")).toBeNull();
});

test("the button leads to the company's login, and says where to come back to", async () => {
  offered({ enabled: true, name: "Example Company" });
  const sent: unknown[] = [];
  server.use(
    http.post(api("/auth/oidc/start"), async ({ request }) => {
      sent.push(await request.json());
      return HttpResponse.json({ url: "https://login.example.org/authorize?state=s" });
    }),
  );
  const go = vi.fn();
  show(<SignOn returnTo="/deployments/demo" go={go} />);
  await userEvent.click(await screen.findByRole("button", { name: "Log in with Example Company" }));
  await vi.waitFor(() =>
    expect(go).toHaveBeenCalledWith("https://login.example.org/authorize?state=s"),
  );
  expect(sent).toEqual([{ return_to: "/deployments/demo" }]);
});

test("a company's login that is down is told, and can be tried again", async () => {
  offered({ enabled: true, name: "Example Company" });
  const down = aProblem({ status: 503, detail: "The provider does not answer." });
  server.use(http.post(api("/auth/oidc/start"), () => HttpResponse.json(down, { status: 503 })));
  show(<SignOn returnTo="/" />);
  const button = await screen.findByRole("button");
  await userEvent.click(button);
  expect((await screen.findByRole("alert")).textContent).toBe("The provider does not answer.");
  expect((button as HTMLButtonElement).disabled).toBe(false);
});

test("what the provider sent is read as it stands, numbers too", () => {
  expect(readReturn("?state=0012&code=1e5&iss=https%3A%2F%2Fa")).toEqual({
    state: "0012",
    code: "1e5",
    iss: "https://a",
  });
  expect(readReturn("?state=s&error=access_denied").error).toBe("access_denied");
  expect(readReturn("").state).toBe("");
});

test("coming back finishes the login once, and goes on", async () => {
  const finished = { session: { csrf_token: "t", user: {}, teams: [] }, return_to: "/keys" };
  const asked = vi.fn(() => HttpResponse.json(finished));
  server.use(http.post(api("/auth/oidc/finish"), asked));
  const done = vi.fn();
  show(<ArrivalPage returned={{ state: "s", code: "c" }} onDone={done} toLogin={null} />);
  await vi.waitFor(() => expect(done).toHaveBeenCalledWith(finished));
  expect(asked).toHaveBeenCalledTimes(1);
});

test("a refused login says so, and leads back to the login page", async () => {
  const refused = aProblem({ status: 403, detail: "Your account has no access." });
  server.use(
    http.post(api("/auth/oidc/finish"), () => HttpResponse.json(refused, { status: 403 })),
  );
  const done = vi.fn();
  show(
    <ArrivalPage returned={{ state: "s2" }} onDone={done} toLogin={<a href="/login">Back</a>} />,
  );
  expect((await screen.findByRole("alert")).textContent).toBe("Your account has no access.");
  expect(screen.getByRole("link", { name: "Back" })).toBeDefined();
  expect(done).not.toHaveBeenCalled();
});
