/** Rules about the shape of the interface that no linter knows. */

import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = join(process.cwd(), "src");
const files = readdirSync(ROOT, { recursive: true, encoding: "utf8" })
  .map((name) => name.split(sep).join("/"))
  .filter((name) => /\.tsx?$/.test(name) && !name.startsWith("api/gen/"));
const source = new Map(files.map((name) => [name, readFileSync(join(ROOT, name), "utf8")]));

/** What a file imports, as paths below src. */
function importsOf(name: string): string[] {
  const found = [...(source.get(name) ?? "").matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)];
  return found.flatMap(([, path = ""]) => {
    if (path.startsWith("@/")) return [path.slice(2)];
    if (path.startsWith("."))
      return [
        relative(ROOT, join(ROOT, name, "..", path))
          .split(sep)
          .join("/"),
      ];
    return [];
  });
}

const RANKS = ["routes", "features", "components", "realtime", "api"];
const roomOf = (path: string) => path.split("/")[0] ?? "";
const featureOf = (path: string) => path.split("/").slice(0, 2).join("/");
/** Components may show what realtime knows; api's words are for everyone. */
const rank = (path: string) => RANKS.indexOf(roomOf(path));

const code = files.filter((name) => !name.includes(".test.") && !name.startsWith("test/"));

describe("the interface's shape", () => {
  test.each(code.filter((name) => name.startsWith("features/")))(
    "%s imports no other feature",
    (name) => {
      const others = importsOf(name).filter(
        (path) => path.startsWith("features/") && featureOf(path) !== featureOf(name),
      );
      expect(others).toEqual([]);
    },
  );

  test.each(code.filter((name) => rank(name) >= 0))("%s looks down, never up", (name) => {
    const up = importsOf(name).filter((path) => rank(path) >= 0 && rank(path) < rank(name));
    expect(up).toEqual([]);
  });

  test("only realtime opens an event stream", () => {
    const users = code.filter((name) => /new EventSource\b/.test(source.get(name) ?? ""));
    expect(users.map(roomOf)).toEqual(["realtime"]);
  });

  test("no file is longer than 400 lines, and nothing is injected as HTML", () => {
    const long = files.filter((name) => (source.get(name) ?? "").split("\n").length > 401);
    const injecting = code.filter((name) =>
      /dangerouslySetInnerHTML|innerHTML/.test(source.get(name) ?? ""),
    );
    expect({ long, injecting }).toEqual({ long: [], injecting: [] });
  });
});
