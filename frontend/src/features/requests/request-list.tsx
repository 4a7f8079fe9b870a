/** Requests of one deployment or of all: under way, or ended lately, live while they are looked at. */

import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { keysQuery, usersQuery } from "@/api/access";
import { deploymentsQuery, meQuery } from "@/api/queries";
import { MOST_SHOWN, type RequestSearch, requestsQuery } from "@/api/requests";
import { Button } from "@/components/button";
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

function Found({ search, onOlder }: { search: RequestSearch; onOlder: (cursor: string) => void }) {
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
      <Pages
        older={page.next_cursor ?? null}
        isOlder={search.cursor !== undefined}
        isBusy={query.isPlaceholderData}
        onOlder={onOlder}
      />
    </>
  );
}

interface PagesProps {
  /** The cursor of the page after this one. */
  older: string | null;
  /** This page is not the first one. */
  isOlder: boolean;
  isBusy: boolean;
  /** Empty: back to the newest. */
  onOlder: (cursor: string) => void;
}

function Pages({ older, isOlder, isBusy, onOlder }: PagesProps) {
  if (!older && !isOlder) return null;
  return (
    <p className="mt-2 flex flex-wrap items-center gap-2 text-small text-muted">
      {isOlder ? r.olderOnes : r.more(count(MOST_SHOWN))}
      {isOlder ? (
        <Button size="small" onClick={() => onOlder("")}>
          {r.newest}
        </Button>
      ) : null}
      {older ? (
        <Button size="small" disabled={isBusy} onClick={() => onOlder(older)}>
          {r.older}
        </Button>
      ) : null}
    </p>
  );
}

interface WhoProps {
  label: string;
  value: string;
  options: Record<string, string>;
  onChange: (value: string) => void;
}

/** A choice of whose requests, where there is more than one. */
function Who({ label, value, options, onChange }: WhoProps) {
  if (Object.keys(options).length < 2) return null;
  return (
    <Pick
      label={label}
      value={value}
      any={r.all}
      options={options}
      onChange={onChange}
      className="max-w-44"
    />
  );
}

/** The names of the users and keys that one may choose from. */
function useWho() {
  const role = useQuery(meQuery).data?.user.role;
  const keys = useQuery(keysQuery).data ?? [];
  const users = useQuery({ ...usersQuery, enabled: role === "administrator" }).data ?? [];
  return {
    keys: Object.fromEntries(keys.map((one) => [one.id, `${one.name} (${one.hint})`])),
    users: Object.fromEntries(users.map((one) => [one.id, one.username])),
  };
}

/** `deployment`: whose requests alone are shown. */
export function RequestList({ deployment }: { deployment?: string }) {
  const [view, setView] = useState<View>("active");
  const [chosen, setChosen] = useState("");
  const [status, setStatus] = useState("");
  const [user, setUser] = useState("");
  const [key, setKey] = useState("");
  const [cursor, setCursor] = useState("");
  const who = useWho();
  const names = useQuery(deploymentsQuery).data?.map((d) => d.name) ?? [];
  const isAdministrator = useQuery(meQuery).data?.user.role === "administrator";
  const name = deployment ?? chosen;
  const search: RequestSearch = {
    state: view,
    ...(name ? { deployment: name } : {}),
    ...(view === "recent" && status ? { status: status as Status } : {}),
    ...(user ? { user } : {}),
    ...(key ? { key } : {}),
    ...(cursor ? { cursor } : {}),
  };
  /** Another question begins at its newest answer. */
  const anew = (set: (value: string) => void) => (value: string) => {
    set(value);
    setCursor("");
  };
  return (
    <>
      <Captures {...(name ? { deployment: name } : {})} mayStop={isAdministrator} />
      <div className="mb-3 flex flex-wrap items-center gap-3">
        <Views
          view={view}
          onChange={(next) => {
            setView(next);
            setCursor("");
          }}
        />
        {deployment ? null : (
          <Pick
            label={r.deployment}
            value={chosen}
            any={r.all}
            options={Object.fromEntries(names.map((each) => [each, each]))}
            onChange={anew(setChosen)}
          />
        )}
        {view === "recent" ? (
          <Pick
            label={r.status}
            value={status}
            any={r.all}
            options={r.statuses as Record<string, string>}
            onChange={anew(setStatus)}
          />
        ) : null}
        <Who label={r.user} value={user} options={who.users} onChange={anew(setUser)} />
        <Who label={r.key} value={key} options={who.keys} onChange={anew(setKey)} />
        {isAdministrator && name ? (
          <span className="ml-auto">
            <CaptureButton deployment={name} />
          </span>
        ) : null}
      </div>
      <Found search={search} onOlder={setCursor} />
    </>
  );
}
