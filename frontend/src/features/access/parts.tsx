/** What the pages of access share: their frame, tables, and what is done about a row. */

import type { UseQueryResult } from "@tanstack/react-query";
import { MoreHorizontal } from "lucide-react";
import { type ReactNode, useState } from "react";
import type { LinkIssued } from "@/api/gen";
import { IconButton } from "@/components/button";
import { Card, PageHead } from "@/components/card";
import { ConfirmDialog } from "@/components/dialog";
import { dateTime } from "@/components/format";
import { Menu } from "@/components/menu";
import type { Secret } from "@/components/secret";
import { Empty, ErrorCard, Lost, SkeletonRows, StaleNote } from "@/components/states";
import { users } from "@/strings/access";

interface PageProps<T> {
  title: string;
  lead: string;
  actions?: ReactNode;
  query: UseQueryResult<T[]>;
  failed: string;
  empty?: { title: string; why: string; action?: ReactNode };
  above?: ReactNode;
  children: (items: T[]) => ReactNode;
}

/** A page of one list in each of its states. */
export function ListPage<T>({ title, lead, actions, query, failed, ...rest }: PageProps<T>) {
  const { empty, above, children } = rest;
  return (
    <>
      <PageHead title={title} actions={actions} below={<p className="text-muted">{lead}</p>} />
      <StaleNote />
      <Lost query={query} />
      {query.isError && !query.data ? (
        <ErrorCard error={query.error} title={failed} onRetry={() => void query.refetch()} />
      ) : !query.data ? (
        <Card>
          <SkeletonRows />
        </Card>
      ) : query.data.length === 0 && empty ? (
        <Card>
          <Empty {...empty} />
        </Card>
      ) : (
        <>
          {above}
          {children(query.data)}
        </>
      )}
    </>
  );
}

export interface Column {
  label: string;
  /** When the screen is too narrow for it. */
  hide?: "sm" | "md" | "lg";
  /** Shown to screen readers alone: the column of the actions. */
  quiet?: boolean;
  right?: boolean;
}

const HIDE = { sm: "max-sm:hidden", md: "max-md:hidden", lg: "max-lg:hidden" };

export function cell(hide?: Column["hide"], more = ""): string {
  return `py-2 pr-3 first:pl-4 last:pr-4 ${hide ? HIDE[hide] : ""} ${more}`;
}

export function Table({ columns, children }: { columns: Column[]; children: ReactNode }) {
  return (
    <Card>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <div tabIndex={0} className="overflow-x-auto">
        <table className="w-full text-left">
          <thead className="text-small text-muted">
            <tr>
              {columns.map(({ label, hide, quiet, right }) => (
                <th
                  key={label}
                  className={cell(
                    hide,
                    `font-normal whitespace-nowrap ${right ? "text-right" : ""}`,
                  )}
                >
                  {quiet ? <span className="sr-only">{label}</span> : label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody className="[&>tr]:border-t [&>tr]:border-line">{children}</tbody>
        </table>
      </div>
    </Card>
  );
}

interface RowMenuProps {
  label: string;
  change: string;
  onChange: () => void;
  /** Asked about before it is done. */
  remove: { verb: string; title: string; why: string; run: () => void };
}

/** What can be done about a row that is set and taken away. */
export function RowMenu({ label, change, onChange, remove }: RowMenuProps) {
  const [asked, setAsked] = useState(false);
  return (
    <>
      <Menu
        trigger={
          <IconButton label={label}>
            <MoreHorizontal size={15} aria-hidden />
          </IconButton>
        }
        items={[
          { label: change, onSelect: onChange },
          { label: remove.verb, danger: true, onSelect: () => setAsked(true) },
        ]}
      />
      <ConfirmDialog
        open={asked}
        onOpenChange={setAsked}
        title={remove.title}
        why={remove.why}
        verb={remove.verb}
        danger
        onConfirm={remove.run}
      />
    </>
  );
}

/** A one-time link as the secret to hand on. */
export const linkSecret = (issued: LinkIssued): Secret => ({
  title: users.linkTitle(issued.user.username),
  why: `${users.linkWhy} ${users.linkUntil(dateTime(issued.expires_at))}`,
  text: issued.url || issued.token,
});
