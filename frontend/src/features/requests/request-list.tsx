/** Requests of one deployment or of all: under way, or ended lately, live while they are looked at. */

import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { deploymentsQuery, meQuery } from "@/api/queries";
import { MOST_SHOWN, type RequestSearch, requestsQuery } from "@/api/requests";
import { Card } from "@/components/card";
import { count } from "@/components/format";
import { Pick } from "@/components/pick";
import { Empty, ErrorCard, Lost, SkeletonRows, useUnsure } from "@/components/states";
import { r } from "@/strings/requests";
import { CaptureButton, Captures } from "./capture";
import { RequestTable } from "./request-table";

type View = keyof typeof r.views;
type Status = NonNullable<RequestSearch["status"]>;

function Views({ view, onChange }: { view: View; onChange: (view: View) => void }) {
  return (
    <fieldset className="inline-flex rounded-control border border-line bg-surface p-0.5">
      <legend className="sr-only">{r.which}</legend>
      {(Object.entries(r.views) as [View, string][]).map(([id, label]) => (
        <button
          key={id}
          type="button"
          aria-pressed={id === view}
          onClick={() => onChange(id)}
          className={`h-6.5 rounded-[5px] px-2.5 ${id === view ? "bg-sunken font-[520]" : "text-muted hover:text-text"}`}
        >
          {label}
        </button>
      ))}
    </fieldset>
  );
}

function Note({ children }: { children: ReactNode }) {
  return (
    <p
      role="status"
      className="mb-3 rounded-control bg-warning-soft px-3 py-1.5 text-small text-warning-text"
    >
      {children}
    </p>
  );
}

function Found({ search }: { search: RequestSearch }) {
  const query = useQuery(requestsQuery(search));
  const session = useQuery(meQuery).data;
  const unsure = useUnsure() || query.isRefetchError || query.isPlaceholderData;
  const page = query.data;
  if (!page)
    return query.isError ? (
      <ErrorCard error={query.error} title={r.failed} onRetry={() => void query.refetch()} />
    ) : (
      <Card>
        <SkeletonRows rows={3} />
      </Card>
    );
  const active = search.state === "active";
  return (
    <>
      <Lost query={query} />
      {page.silent_workers > 0 ? (
        <Note>{r.silent(page.silent_workers)}</Note>
      ) : page.workers === 0 ? (
        <Note>{r.deaf}</Note>
      ) : null}
      <RequestTable
        requests={page.items}
        unsure={unsure}
        session={session}
        empty={
          <Empty
            title={active ? r.emptyActive : r.emptyRecent}
            why={active ? r.emptyActiveWhy : r.emptyRecentWhy}
          />
        }
      />
      {page.next_cursor ? (
        <p className="mt-2 text-small text-muted">{r.more(count(MOST_SHOWN))}</p>
      ) : null}
    </>
  );
}

/** `deployment`: whose requests alone are shown. */
export function RequestList({ deployment }: { deployment?: string }) {
  const [view, setView] = useState<View>("active");
  const [chosen, setChosen] = useState("");
  const [status, setStatus] = useState("");
  const names = useQuery(deploymentsQuery).data?.map((d) => d.name) ?? [];
  const isAdministrator = useQuery(meQuery).data?.user.role === "administrator";
  const name = deployment ?? chosen;
  const search: RequestSearch = {
    state: view,
    ...(name ? { deployment: name } : {}),
    ...(view === "recent" && status ? { status: status as Status } : {}),
  };
  return (
    <>
      <Captures {...(name ? { deployment: name } : {})} mayStop={isAdministrator} />
      <div className="mb-3 flex flex-wrap items-center gap-3">
        <Views view={view} onChange={setView} />
        {deployment ? null : (
          <Pick
            label={r.deployment}
            value={chosen}
            any={r.all}
            options={Object.fromEntries(names.map((each) => [each, each]))}
            onChange={setChosen}
          />
        )}
        {view === "recent" ? (
          <Pick
            label={r.status}
            value={status}
            any={r.all}
            options={r.statuses as Record<string, string>}
            onChange={setStatus}
          />
        ) : null}
        {isAdministrator && name ? (
          <span className="ml-auto">
            <CaptureButton deployment={name} />
          </span>
        ) : null}
      </div>
      <Found search={search} />
    </>
  );
}
