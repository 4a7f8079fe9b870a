/** While a deployment waits for its model's files: how far they are, and where they come from. */

import { Link } from "@tanstack/react-router";
import type { FetchView } from "@/api/gen";
import type { Deployment } from "@/api/types";
import { Card } from "@/components/card";
import { Chip } from "@/components/chip";
import { bytes, seconds, type Tone } from "@/components/format";
import { useUnsure } from "@/components/states";
import { deployments as w } from "@/strings/deployments";

/** What is known of the pace, as one line. */
export function paceOf(fetch: FetchView): string {
  const size = w.ofBytes(bytes(fetch.bytes_done), bytes(fetch.bytes_total));
  const speed = fetch.bytes_per_second == null ? null : w.perSecond(bytes(fetch.bytes_per_second));
  const left = fetch.eta_seconds == null ? null : w.left(seconds(fetch.eta_seconds));
  return [size, speed, left].filter(Boolean).join(" · ");
}

export function FetchCard({ deployment: d }: { deployment: Deployment }) {
  const unsure = useUnsure();
  const { fetch } = d;
  if (!fetch) return null;
  const tone: Tone = unsure ? "idle" : fetch.stalled ? "warning" : "working";
  const share =
    fetch.bytes_total && fetch.bytes_done != null ? fetch.bytes_done / fetch.bytes_total : null;
  return (
    <Card label={w.fetching} className="mb-3 px-4 py-3">
      <div className="flex flex-wrap items-center gap-2">
        <h2>{w.fetching}</h2>
        <Chip tone={tone} busy={tone === "working"}>
          {fetch.stalled ? w.stalled : fetch.state}
        </Chip>
        <span className="figures ml-auto text-small text-muted">{paceOf(fetch)}</span>
      </div>
      <progress
        aria-label={w.fetching}
        className="mt-2 h-1.5 w-full accent-working"
        {...(share === null ? {} : { value: share, max: 1 })}
      />
      <Link to="/downloads" className="text-small underline">
        {w.toDownloads}
      </Link>
    </Card>
  );
}
