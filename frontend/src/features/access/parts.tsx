/** What the pages of access share: their frame, tables, and the two dialogs that they all need. */

import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { LinkIssued } from "@/api/gen";
import { Button } from "@/components/button";
import { Card, PageHead } from "@/components/card";
import { CopyButton } from "@/components/copy";
import { Dialog } from "@/components/dialog";
import { dateTime } from "@/components/format";
import { Empty, ErrorCard, Lost, SkeletonRows, StaleNote } from "@/components/states";
import { t } from "@/strings";
import { access, users } from "@/strings/access";

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
    <Card className="overflow-x-auto">
      <table className="w-full text-left">
        <thead className="text-small text-muted">
          <tr>
            {columns.map(({ label, hide, quiet, right }) => (
              <th
                key={label}
                className={cell(hide, `font-normal whitespace-nowrap ${right ? "text-right" : ""}`)}
              >
                {quiet ? <span className="sr-only">{label}</span> : label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="[&>tr]:border-t [&>tr]:border-line">{children}</tbody>
      </table>
    </Card>
  );
}

interface ConfirmProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  why: string;
  verb: string;
  danger?: boolean;
  onConfirm: () => void;
}

export function ConfirmDialog({ open, onOpenChange, title, why, verb, ...rest }: ConfirmProps) {
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={title} description={why}>
      <div className="flex justify-end gap-2">
        <Button onClick={() => onOpenChange(false)}>{t.words.cancel}</Button>
        <Button
          kind={rest.danger ? "danger" : "primary"}
          onClick={() => {
            onOpenChange(false);
            rest.onConfirm();
          }}
        >
          {verb}
        </Button>
      </div>
    </Dialog>
  );
}

export interface Secret {
  title: string;
  why: string;
  text: string;
  below?: ReactNode;
}

/** A secret that is shown this once: it goes away by its button alone, not by a slip. */
export function SecretDialog({ secret, onDone }: { secret: Secret | null; onDone: () => void }) {
  return (
    <Dialog
      open={secret !== null}
      onOpenChange={() => undefined}
      title={secret?.title ?? access.onceTitle}
      {...(secret ? { description: secret.why } : {})}
      wide
    >
      <div className="flex items-center gap-2 rounded-control border border-line bg-sunken px-3 py-2">
        <code data-secret className="min-w-0 flex-1 font-mono [overflow-wrap:anywhere]">
          {secret?.text}
        </code>
        <CopyButton text={secret?.text ?? ""} />
      </div>
      {secret?.below}
      <div className="mt-4 flex justify-end">
        <Button kind="primary" onClick={onDone}>
          {access.onceDone}
        </Button>
      </div>
    </Dialog>
  );
}

/** A one-time link as the secret to hand on. */
export const linkSecret = (issued: LinkIssued): Secret => ({
  title: users.linkTitle(issued.user.username),
  why: `${users.linkWhy} ${users.linkUntil(dateTime(issued.expires_at))}`,
  text: issued.url || issued.token,
});
