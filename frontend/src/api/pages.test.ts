import { expect, test } from "vitest";
import { everyPage } from "./pages";

test("a list is read to its end, page by page", async () => {
  const pages = [[1, 2], [3], []];
  const asked: (string | undefined)[] = [];
  const all = await everyPage(async ({ cursor }) => {
    asked.push(cursor);
    const n = Number(cursor ?? 0);
    return { items: pages[n] ?? [], next_cursor: n < 2 ? String(n + 1) : null };
  });
  expect(all).toEqual([1, 2, 3]);
  expect(asked).toEqual([undefined, "1", "2"]);
});
