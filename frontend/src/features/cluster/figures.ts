/** Figures that a probe gives in parts. Unknown stays unknown. */

/** What is taken of `total` where `free` is left; null where either is not known. */
export function inUse(total: number | null, free: number | null): number | null {
  return total == null || free == null ? null : Math.max(0, total - free);
}
