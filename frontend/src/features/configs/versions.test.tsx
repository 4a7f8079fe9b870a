import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import type { Config } from "@/api/gen";
import { showPage } from "@/test/page";
import { api, server } from "@/test/server";
import { Versions } from "./versions";

test("any two versions are compared, the older one first", async () => {
  const at = "2026-11-23T10:00:00Z";
  const items = [4, 3, 2, 1].map((version) => ({ name: "chat", version, author: "ann", at }));
  server.use(
    http.get(api("/configs/chat/versions"), () => HttpResponse.json({ items, next_cursor: null })),
    http.get(api("/configs/chat/diff"), ({ request }) => {
      const asked = new URL(request.url).searchParams;
      const changes = [{ path: "replicas", from: asked.get("from"), to: asked.get("to") }];
      return HttpResponse.json({ name: "chat", changes });
    }),
  );
  showPage(() => <Versions config={{ name: "chat", version: 4 } as Config} />);
  const [, third] = await screen.findAllByRole("listitem");
  const select = within(third as HTMLElement).getByRole("combobox");
  const others = within(select)
    .getAllByRole("option")
    .map((o) => o.getAttribute("value"));
  expect(others).toEqual(["", "4", "2", "1"]);
  await userEvent.selectOptions(select, "1");
  const table = await screen.findByRole("table");
  expect(
    within(table)
      .getAllByRole("cell")
      .map((cell) => cell.textContent),
  ).toEqual(["replicas", '"1"', '"3"']);
  await userEvent.selectOptions(select, "4");
  expect(await screen.findByText('"4"')).toBeTruthy();
  expect(screen.getByText('"3"')).toBeTruthy();
});
