/** Text that keeps itself up to date: how long ago something was. */

import { useServerNow } from "@/realtime/provider";
import { age, ago, dateTime } from "./format";

export function Ago({ at, bare = false }: { at: string; bare?: boolean }) {
  const now = useServerNow(5_000);
  return (
    <time className="figures" dateTime={at} title={dateTime(at)}>
      {bare ? age(at, now) : ago(at, now)}
    </time>
  );
}
