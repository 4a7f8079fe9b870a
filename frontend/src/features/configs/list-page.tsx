/** All configs: find one, deploy it, bring some in, take all out. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { configsQuery } from "@/api/configs";
import type { ConfigSummary } from "@/api/gen";
import { Ago } from "@/components/ago";
import { Button, buttonClass } from "@/components/button";
import { Card, PageHead } from "@/components/card";
import { Tag } from "@/components/chip";
import { BareInput } from "@/components/field";
import { Allowed } from "@/components/restricted";
import { Empty, ErrorCard, Lost, SkeletonRows, StaleNote } from "@/components/states";
import { c } from "@/strings/configs";
import { ImportDialog } from "./import-dialog";
import { save } from "./save-file";

function Row({ config }: { config: ConfigSummary }) {
  return (
    <tr className="border-t border-line">
      <td className="py-2 pr-3 pl-4">
        <Link
          to="/configs/$name"
          params={{ name: config.name }}
          className="font-[520] hover:underline"
        >
          {config.name}
        </Link>
        {config.description ? (
          <span className="block text-small text-muted">{config.description}</span>
        ) : null}
      </td>
      <td className="max-w-80 truncate py-2 pr-3 font-mono text-small">{config.model}</td>
      <td className="py-2 pr-3 whitespace-nowrap max-md:hidden">
        {config.version}
        {config.message ? (
          <span className="block max-w-60 truncate text-small text-muted">{config.message}</span>
        ) : null}
      </td>
      <td className="py-2 pr-3 max-md:hidden">
        <span className="flex flex-wrap gap-1">
          {config.used_by.length > 0
            ? config.used_by.map((name) => <Tag key={name}>{name}</Tag>)
            : c.nobody}
        </span>
      </td>
      <td className="py-2 pr-3 whitespace-nowrap text-muted max-sm:hidden">
        <Ago at={config.updated_at} />
      </td>
      <td className="py-2 pr-4 text-right">
        <Link
          to="/deployments/new"
          search={{ config: config.name }}
          aria-label={`${c.deploy} ${config.name}`}
          className={buttonClass("plain", "small")}
        >
          {c.deploy}
        </Link>
      </td>
    </tr>
  );
}

function Table({ configs }: { configs: readonly ConfigSummary[] }) {
  const heads = [c.columns.name, c.columns.model];
  return (
    <Card className="overflow-x-auto">
      <table className="w-full text-left">
        <thead className="text-small text-muted">
          <tr>
            {heads.map((head, n) => (
              <th key={head} className={`py-2 pr-3 font-normal ${n === 0 ? "pl-4" : ""}`}>
                {head}
              </th>
            ))}
            <th className="py-2 pr-3 font-normal max-md:hidden">{c.columns.version}</th>
            <th className="py-2 pr-3 font-normal max-md:hidden">{c.columns.usedBy}</th>
            <th className="py-2 pr-3 font-normal max-sm:hidden">{c.columns.updated}</th>
            <th>
              <span className="sr-only">{c.deploy}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {configs.map((config) => (
            <Row key={config.name} config={config} />
          ))}
        </tbody>
      </table>
    </Card>
  );
}

function Create() {
  return (
    <Allowed right="operate">
      <Link to="/configs/new" className={buttonClass("primary")}>
        {c.create}
      </Link>
    </Allowed>
  );
}

export function ConfigsPage() {
  const query = useQuery(configsQuery);
  const [wanted, setWanted] = useState("");
  const [importing, setImporting] = useState(false);
  const configs = query.data ?? [];
  const text = wanted.trim().toLowerCase();
  const shown = configs.filter((one) => `${one.name} ${one.model}`.toLowerCase().includes(text));
  const actions = (
    <>
      {configs.length > 0 ? (
        <Button onClick={() => save("/api/v1/configs/export", "configs.json")}>
          {c.exportAll}
        </Button>
      ) : null}
      <Allowed right="operate">
        <Button onClick={() => setImporting(true)}>{c.import}</Button>
      </Allowed>
      <Create />
    </>
  );
  return (
    <>
      <PageHead title={c.title} actions={actions} below={<p className="text-muted">{c.lead}</p>} />
      <StaleNote />
      <Lost query={query} />
      <ImportDialog open={importing} onOpenChange={setImporting} />
      {query.isError && !query.data ? (
        <ErrorCard error={query.error} title={c.list} onRetry={() => void query.refetch()} />
      ) : query.isPending ? (
        <Card>
          <SkeletonRows />
        </Card>
      ) : configs.length === 0 ? (
        <Card>
          <Empty title={c.emptyTitle} why={c.emptyWhy} action={<Create />} />
        </Card>
      ) : (
        <>
          <search className="mb-3 flex">
            <BareInput
              data-filter
              type="search"
              aria-label={c.filter}
              placeholder={c.filter}
              value={wanted}
              onChange={(event) => setWanted(event.target.value)}
              className="max-w-70 flex-1"
            />
          </search>
          <Table configs={shown} />
        </>
      )}
    </>
  );
}
