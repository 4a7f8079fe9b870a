import { expect, test } from "vitest";
import { agentName } from "./agent-name";

test.each([
  [
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Firefox 145 on Linux",
  ],
  [
    "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36 Edg/142.0",
    "Edge 142 on Windows",
  ],
  [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_1) AppleWebKit/605.1.15 Version/26.1 Safari/605.1.15",
    "Safari 26 on macOS",
  ],
  ["python-httpx/0.28.1", "python-httpx"],
])("%s", (agent, name) => {
  expect(agentName(agent)).toBe(name);
});

test("nothing is nothing", () => {
  expect(agentName(null)).toBeNull();
});
