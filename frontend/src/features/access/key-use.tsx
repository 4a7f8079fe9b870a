/** What was asked with a key lately, and every limit that it falls under. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { effectiveLimitsQuery, usageQuery } from "@/api/access";
import type { AppliedPolicy, KeyView, Usage } from "@/api/gen";
import { buttonClass } from "@/components/button";
import { Tag } from "@/components/chip";
import { Dialog } from "@/components/dialog";
import { count } from "@/components/format";
import { Lost, PartFailed, SkeletonRows } from "@/components/states";
import { useServerNow } from "@/realtime/provider";
import { keyUse as w, limits as words } from "@/strings/access";
import { spanStart } from "./days";
import { limitWords } from "./limit-values";
import { money } from "./usage-figures";

const DAYS = 30;

function Used({ rows }: { rows: readonly Usage[] }) {
  if (rows.length === 0) return <p className="text-muted">{w.unused}</p>;
  return (
    <ul className="figures">
      {rows.map((row) => (
        <li key={row.model} className="flex flex-wrap gap-x-3 border-t border-line py-1.5">
          <span className="font-[520] break-all">{row.model}</span>
          <span className="ml-auto text-muted">
            {w.asked(
              count(row.requests),
              count(row.prompt_tokens + row.completion_tokens),
              row.cost === null ? null : money(row.cost, row.currency),
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Applied({ item }: { item: AppliedPolicy }) {
  const whose = item.name ?? item.subject;
  return (
    <li className="flex flex-wrap items-center gap-x-2 gap-y-1 border-t border-line py-1.5">
      <span className="min-w-0 break-all">
        {words.scopes[item.scope]}
        {whose ? ` ${whose}` : ""}
      </span>
      {limitWords(item.limits).map((each) => (
        <Tag key={each}>{each}</Tag>
      ))}
      {item.used ? (
        <span className="figures ml-auto text-small text-muted">
          {w.used(count(item.used.tokens_today), count(item.used.tokens_this_month))}
        </span>
      ) : null}
    </li>
  );
}

export function KeyUse({ one, onClose }: { one: KeyView; onClose: () => void }) {
  const from = spanStart(DAYS, useServerNow(60_000));
  const use = useQuery(usageQuery("model", { from }, { key: one.id }));
  const limits = useQuery(effectiveLimitsQuery(one.id));
  return (
    <Dialog open onOpenChange={onClose} title={w.title(one.name)} wide>
      <h3 className="mb-1 text-small text-muted">{w.lately(DAYS)}</h3>
      <Lost query={use} />
      <PartFailed query={use} title={w.useFailed} />
      {use.data ? <Used rows={use.data} /> : use.isError ? null : <SkeletonRows rows={2} />}
      <h3 className="mt-4 mb-1 text-small text-muted">{w.limits}</h3>
      <Lost query={limits} />
      <PartFailed query={limits} title={w.limitsFailed} />
      {limits.data ? (
        limits.data.items.length === 0 ? (
          <p className="text-muted">{w.unlimited}</p>
        ) : (
          <ul>
            {limits.data.items.map((item) => (
              <Applied key={`${item.scope} ${item.subject}`} item={item} />
            ))}
          </ul>
        )
      ) : limits.isError ? null : (
        <SkeletonRows rows={2} />
      )}
      <div className="mt-4 flex justify-end">
        <Link to="/usage" search={{ key: one.id, by: "model" }} className={buttonClass()}>
          {w.more}
        </Link>
      </div>
    </Dialog>
  );
}
