import { render } from "@testing-library/react";
import { expect, test } from "vitest";
import { styleSingleton } from "./style-singleton";

test("a style is there once while anybody needs it, and is no element of the page", () => {
  const Sheet = styleSingleton();
  const before = document.adoptedStyleSheets.length;
  const first = render(<Sheet styles="body { overflow: hidden }" />);
  const second = render(<Sheet styles="body { overflow: hidden }" />);
  expect(document.adoptedStyleSheets.length).toBe(before + 1);
  first.unmount();
  expect(document.adoptedStyleSheets.length).toBe(before + 1);
  second.unmount();
  expect(document.adoptedStyleSheets.length).toBe(before);
  expect(document.querySelector("style")).toBeNull();
});
