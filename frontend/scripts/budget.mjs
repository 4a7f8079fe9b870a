/** Measures the built interface against its budgets; ends with status 1 where one is exceeded. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const OUT = fileURLToPath(new URL("../../src/vllm_manager/api/static/", import.meta.url));
const KB = 1000;
const LIMITS = { initial: 190 * KB, route: 90 * KB, css: 25 * KB, all: 900 * KB };

const manifest = JSON.parse(readFileSync(join(OUT, ".vite/manifest.json"), "utf8"));
const gzipped = (file) => gzipSync(readFileSync(join(OUT, file)), { level: 9 }).length;

/** Every script that `key` needs before it runs. */
function scripts(key, seen = new Set()) {
  if (seen.has(key)) return seen;
  seen.add(key);
  for (const inner of manifest[key].imports ?? []) scripts(inner, seen);
  return seen;
}
const filesOf = (keys) =>
  new Set([...keys].map((key) => manifest[key].file).filter((f) => f.endsWith(".js")));
const sum = (files) => [...files].reduce((total, file) => total + gzipped(file), 0);

const entry = Object.keys(manifest).find((key) => manifest[key].isEntry);
const initial = filesOf(scripts(entry));
const rows = [["initial JavaScript", sum(initial), LIMITS.initial]];
for (const key of Object.keys(manifest).filter((k) => manifest[k].isDynamicEntry)) {
  const own = [...filesOf(scripts(key))].filter((file) => !initial.has(file));
  rows.push([`route ${manifest[key].name}`, sum(own), LIMITS.route]);
}
const every = readdirSync(join(OUT, "assets")).map((name) => `assets/${name}`);
rows.push(["CSS", sum(every.filter((file) => file.endsWith(".css"))), LIMITS.css]);
rows.push(["all", sum(every), LIMITS.all]);

let failed = false;
for (const [name, bytes, limit] of rows) {
  const over = bytes > limit;
  failed ||= over;
  process.stdout.write(
    `${over ? "OVER " : "     "}${name.padEnd(24)} ${(bytes / KB).toFixed(1).padStart(7)} / ${limit / KB} KB\n`,
  );
}
process.exit(failed ? 1 : 0);
