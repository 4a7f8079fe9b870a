/** How many calls of one kind run at once; the others wait for their turn. */

type Turn = <T>(call: () => Promise<T>, signal: AbortSignal) => Promise<T>;

/** Runs at most `most` calls at once, in the order of asking; a call given up meanwhile never starts. */
export function slots(most: number): Turn {
  let running = 0;
  const waiting: (() => void)[] = [];
  const pass = () => {
    const next = waiting.shift();
    // The slot is handed over: nobody who comes just now gets in between.
    if (next) next();
    else running -= 1;
  };
  return async (call, signal) => {
    if (running < most) running += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      signal.throwIfAborted();
      return await call();
    } finally {
      pass();
    }
  };
}
