/** The lines that the page holds: the newest 50,000, each once, in order. */

import type { LogLine } from "@/api/types";

const RING_LINES = 50_000;

const keyOf = (l: LogLine) => `${l.replica}\u0000${l.attempt}\u0000${l.number}`;

/**
 * Lines of several replicas are in the order of their times; of one replica, in that of their numbers.
 * A line that comes twice (from a page and from the stream) is held once.
 */
export class LogRing {
  private lines: LogLine[] = [];
  private readonly known = new Set<string>();

  constructor(private readonly capacity: number = RING_LINES) {}

  /** Returns the lines held; a new array after every change, never changed in place. */
  get all(): readonly LogLine[] {
    return this.lines;
  }

  /** Adds newer lines, forgetting the oldest beyond the capacity. Returns whether anything was new. */
  append(lines: readonly LogLine[]): boolean {
    const fresh = this.fresh(lines);
    if (fresh.length === 0) return false;
    const last = this.lines.at(-1);
    const first = fresh[0];
    const inOrder = !last || !first || order(last, first) <= 0;
    const next = [...this.lines, ...fresh];
    this.hold(inOrder ? next : next.sort(order));
    return true;
  }

  /** Adds older lines in front, as far as there is room. */
  prepend(lines: readonly LogLine[]): boolean {
    const fresh = this.fresh(lines);
    if (fresh.length === 0 || this.full) return false;
    this.hold([...fresh, ...this.lines].sort(order));
    return true;
  }

  get full(): boolean {
    return this.lines.length >= this.capacity;
  }

  private fresh(lines: readonly LogLine[]): LogLine[] {
    return lines.filter((l) => {
      const key = keyOf(l);
      if (this.known.has(key)) return false;
      this.known.add(key);
      return true;
    });
  }

  private hold(lines: LogLine[]): void {
    const surplus = lines.length - this.capacity;
    for (const l of surplus > 0 ? lines.slice(0, surplus) : []) this.known.delete(keyOf(l));
    this.lines = surplus > 0 ? lines.slice(surplus) : lines;
  }
}

function order(a: LogLine, b: LogLine): number {
  if (a.replica === b.replica && a.attempt === b.attempt) return a.number - b.number;
  return a.at.localeCompare(b.at);
}
