/** Lists that the server gives page by page. */

interface Page<T> {
  items: T[];
  next_cursor?: string | null;
}

type Cursor = { cursor?: string };

/** Everything of a list, however many pages it has. */
export async function everyPage<T>(read: (cursor: Cursor) => Promise<Page<T>>): Promise<T[]> {
  const all: T[] = [];
  let next: string | null | undefined;
  do {
    const page: Page<T> = await read(next ? { cursor: next } : {});
    all.push(...page.items);
    next = page.next_cursor;
  } while (next);
  return all;
}
