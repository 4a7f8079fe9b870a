import { expect, test } from "vitest";
import { shortcutOf } from "./keys";

const plain = (key: string) => ({ key, meta: false, typing: false });

test("g and a letter go to a page", () => {
  const first = shortcutOf(plain("g"), false);
  expect(first).toEqual({ shortcut: null, afterG: true });
  expect(shortcutOf(plain("d"), true).shortcut).toBe("deployments");
  expect(shortcutOf(plain("x"), true)).toEqual({ shortcut: null, afterG: false });
});

test("single keys mean nothing while typing, ⌘K always does", () => {
  expect(shortcutOf({ key: "c", meta: false, typing: true }, false).shortcut).toBeNull();
  expect(shortcutOf({ key: "k", meta: true, typing: true }, false).shortcut).toBe("palette");
  expect(shortcutOf(plain("?"), false).shortcut).toBe("help");
});

test("the browser's own chords are left alone", () => {
  expect(shortcutOf({ key: "c", meta: true, typing: false }, false).shortcut).toBeNull();
});
