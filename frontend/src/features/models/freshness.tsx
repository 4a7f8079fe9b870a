/** Where what is shown comes from, where that is not the hub just now. */

import { seconds } from "@/components/format";
import { m } from "@/strings/models";

interface Props {
  of: { source: "hub" | "cache" | "shipped"; age_seconds: number | null; problem?: unknown };
}

export function Freshness({ of: { source, age_seconds, problem } }: Props) {
  // A short memory of what the hub said is no news; that it can't be reached is.
  if (source === "hub" || (source === "cache" && !problem)) return null;
  return (
    <p
      role="status"
      className="mb-3 rounded-control bg-warning-soft px-3 py-1.5 text-small text-warning-text"
    >
      {source === "shipped" ? m.discover.shipped : m.discover.cached(seconds(age_seconds))}
    </p>
  );
}
