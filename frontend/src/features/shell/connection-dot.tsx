/** Whether what is on the screen is live. */

import { Dot } from "@/components/chip";
import { clockTime } from "@/components/format";
import { useConnection, useServerNow } from "@/realtime/provider";
import { t } from "@/strings";

/** After this long without a word the page is called stale rather than reconnecting. */
const STALE_MS = 30_000;

export function ConnectionDot() {
  const { status, heardAt } = useConnection();
  useServerNow(5_000);
  const stale = status === "reconnecting" && heardAt !== null && Date.now() - heardAt > STALE_MS;
  const words = stale
    ? t.connection.staleSince(clockTime(new Date(heardAt).toISOString()))
    : t.connection[status];
  return (
    <span role="status" className="flex items-center gap-1.5 text-muted whitespace-nowrap">
      <Dot
        tone={status === "live" ? "ready" : stale ? "failed" : "warning"}
        busy={status !== "live" && !stale}
      />
      {words}
    </span>
  );
}
