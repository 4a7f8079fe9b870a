/** Large counts as people say them. Unknown is an en dash. */

import { UNKNOWN } from "@/components/format";

const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** `8B`, `1.2K`. */
export function compact(n: number | null | undefined): string {
  return n == null ? UNKNOWN : short.format(n);
}
