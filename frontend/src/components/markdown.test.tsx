import { render, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import Answer from "./markdown";

test("an answer can carry neither scripts nor pictures nor unsafe links", () => {
  const { container } = render(
    <Answer
      text={
        "hello <script>alert(1)</script><img src=x onerror=alert(1)>\n\n![pic](https://x.test/a.png) [link](javascript:alert(1)) `code`"
      }
    />,
  );
  expect(container.querySelector("script, img")).toBeNull();
  expect(container.innerHTML).not.toContain("javascript:");
  expect(screen.getByText("code")).toBeTruthy();
});
