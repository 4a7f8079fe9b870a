/** A config's versions: who changed what, any two compared, and the way back. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { toast } from "sonner";
import { data } from "@/api/client";
import { diffQuery, versionsQuery } from "@/api/configs";
import { type Config, type ConfigVersion, rollBackConfig } from "@/api/gen";
import { useMay } from "@/api/rights";
import { Ago } from "@/components/ago";
import { Button } from "@/components/button";
import { Card } from "@/components/card";
import { Tag } from "@/components/chip";
import { BareSelect } from "@/components/field";
import { ErrorCard, SkeletonRows } from "@/components/states";
import { c } from "@/strings/configs";
import { useConfigAction } from "./use-config-action";

function shown(value: unknown): string {
  return value === undefined || value === null ? "–" : JSON.stringify(value);
}

function Differences({ name, from, to }: { name: string; from: number; to: number }) {
  const query = useQuery(diffQuery(name, from, to));
  if (query.isError) return <ErrorCard error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonRows rows={2} />;
  if (query.data.changes.length === 0) return <p className="mt-2 text-muted">{c.same}</p>;
  return (
    <section aria-label={c.comparing(from, to)} className="mt-2 overflow-x-auto">
      <table className="w-full text-left text-small">
        <thead className="text-muted">
          <tr>
            <th className="py-1 pr-3 font-normal">{c.columnsDiff.path}</th>
            <th className="py-1 pr-3 font-normal">{c.columnsDiff.before}</th>
            <th className="py-1 font-normal">{c.columnsDiff.after}</th>
          </tr>
        </thead>
        <tbody>
          {query.data.changes.map((change) => (
            <tr key={change.path} className="border-t border-line align-top font-mono">
              <td className="py-1 pr-3 break-words">{change.path}</td>
              <td className="py-1 pr-3 break-all text-failed-text">{shown(change.from)}</td>
              <td className="py-1 break-all text-ready-text">{shown(change.to)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface RowProps {
  version: ConfigVersion;
  newest: number;
  /** What it is compared with; null where it is not. */
  compared: number | null;
  others: readonly number[];
  onCompare: (other: number | null) => void;
  onRollBack: () => void;
  busy: boolean;
}

function VersionRow({ version: v, newest, compared, others, ...rest }: RowProps) {
  const { onCompare, onRollBack, busy } = rest;
  const mayOperate = useMay("operate");
  const [from, to] = [Math.min(v.version, compared ?? 0), Math.max(v.version, compared ?? 0)];
  return (
    <li className="border-t border-line px-4 py-2.5 first:border-t-0">
      <div className="flex flex-wrap items-center gap-2">
        <span className="font-[520]">{c.version(v.version)}</span>
        {v.version === newest ? <Tag>{c.newest}</Tag> : null}
        <span className="text-small text-muted">
          {v.author ?? "–"} · <Ago at={v.at} />
        </span>
        <span className="ml-auto flex gap-2">
          {others.length > 1 ? (
            <BareSelect
              aria-label={c.compareOf(v.version)}
              value={compared ?? ""}
              onChange={(event) => onCompare(Number(event.target.value) || null)}
            >
              <option value="">{c.compare}</option>
              {others
                .filter((other) => other !== v.version)
                .map((other) => (
                  <option key={other} value={other}>
                    {c.compareWith(other)}
                  </option>
                ))}
            </BareSelect>
          ) : null}
          {v.version === newest || !mayOperate ? null : (
            <Button size="small" disabled={busy} onClick={onRollBack}>
              {c.rollBack}
            </Button>
          )}
        </span>
      </div>
      <p className="text-small text-muted">{v.message ?? c.noMessage}</p>
      {compared ? <Differences name={v.name} from={from} to={to} /> : null}
    </li>
  );
}

export function Versions({ config }: { config: Config }) {
  const query = useQuery(versionsQuery(config.name));
  const [compared, setCompared] = useState<{ version: number; other: number } | null>(null);
  const { busy, attempt } = useConfigAction();
  const rollBack = async (version: number) => {
    const done = await attempt(() =>
      data(rollBackConfig({ path: { name: config.name }, body: { version } })),
    );
    if (done) toast(c.rolledBack(version, done.config.version));
    setCompared(null);
  };
  return (
    <Card label={c.versions} className="mt-3">
      <h2 className="px-4 pt-3.5 pb-2">{c.versions}</h2>
      {query.isError ? (
        <ErrorCard error={query.error} onRetry={() => void query.refetch()} />
      ) : !query.data ? (
        <SkeletonRows rows={2} />
      ) : (
        <ul>
          {query.data.map((version) => (
            <VersionRow
              key={version.version}
              version={version}
              newest={config.version}
              compared={compared?.version === version.version ? compared.other : null}
              others={query.data.map((each) => each.version)}
              onCompare={(other) => setCompared(other ? { version: version.version, other } : null)}
              onRollBack={() => void rollBack(version.version)}
              busy={busy}
            />
          ))}
        </ul>
      )}
    </Card>
  );
}
