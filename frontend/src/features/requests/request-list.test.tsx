import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { showPage } from "@/test/page";
import { api, server } from "@/test/server";
import { RequestList } from "./request-list";

const page = (items: unknown[]) => HttpResponse.json({ items, next_cursor: null });

function serve(asked: string[]) {
  server.use(
    http.get(api("/auth/me"), () =>
      HttpResponse.json({ user: { id: "usr_1", username: "ada", role: "administrator" } }),
    ),
    http.get(api("/deployments"), () => page([])),
    http.get(api("/users"), () =>
      page([
        { id: "usr_1", username: "ada" },
        { id: "usr_2", username: "bert" },
      ]),
    ),
    http.get(api("/keys"), () =>
      page([
        { id: "key_1", name: "ci", hint: "…abcd" },
        { id: "key_2", name: "web", hint: "…efgh" },
      ]),
    ),
    http.get(api("/requests/capture"), () => page([])),
    http.get(api("/requests"), ({ request }) => {
      const query = new URL(request.url).searchParams;
      const told = ["state", "user", "key", "cursor"].flatMap((name) => query.get(name) ?? []);
      asked.push(told.join(" "));
      const next_cursor = query.get("cursor") ? null : "c1";
      return HttpResponse.json({ items: [], next_cursor, workers: 1, silent_workers: 0 });
    }),
  );
}

test("whose requests are shown is chosen, and older ones are paged to", async () => {
  const asked: string[] = [];
  serve(asked);
  showPage(() => <RequestList />);
  await userEvent.selectOptions(await screen.findByLabelText("User"), "bert");
  await waitFor(() => expect(asked.at(-1)).toBe("active usr_2"));
  await userEvent.click(await screen.findByRole("button", { name: "Older ones" }));
  await waitFor(() => expect(asked.at(-1)).toBe("active usr_2 c1"));
  await screen.findByText("These are older ones.");
  await userEvent.selectOptions(screen.getByLabelText("Key"), "ci (…abcd)");
  await waitFor(() => expect(asked.at(-1)).toBe("active usr_2 key_1"));
});
