/** The server's clock as seen from here, learnt from heartbeats, so that ages are right on a skewed machine. */

let skewMs = 0;

export function learnServerTime(iso: string, now: number = Date.now()): void {
  const at = Date.parse(iso);
  if (!Number.isNaN(at)) skewMs = at - now;
}

export function serverNow(): number {
  return Date.now() + skewMs;
}
