/** How long to wait before the next attempt to connect; attempts never end. */

const FIRST_MS = 500;
export const LONGEST_MS = 15_000;

/** The wait before attempt `n` (from 0), with up to a quarter of jitter so that tabs don't march in step. */
export function backoffMs(n: number, random: () => number = Math.random): number {
  const wait = Math.min(FIRST_MS * 2 ** Math.min(n, 10), LONGEST_MS);
  return Math.round(wait * (0.75 + 0.25 * random()));
}
