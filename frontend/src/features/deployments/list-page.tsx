/** All deployments: find one, see how it is, act on it. */

import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { useDeploymentActions } from "@/api/actions";
import { Button, buttonClass } from "@/components/button";
import { Card, PageHead } from "@/components/card";
import { BareInput, BareSelect } from "@/components/field";
import { Allowed } from "@/components/restricted";
import { Empty, ErrorCard, Lost, SkeletonRows, StaleNote, useUnsure } from "@/components/states";
import { t } from "@/strings";
import { arrange, type View } from "./rows";
import { DeploymentsTable } from "./table";
import { useRows } from "./use-rows";

export function DeployLink() {
  return (
    <Allowed right="operate">
      <Link to="/deployments/new" className={buttonClass("primary")}>
        {t.actions.deploy}
      </Link>
    </Allowed>
  );
}

interface FilterProps {
  view: View;
  onView: (view: View) => void;
  shown: number;
  all: number;
}

function FilterBar({ view, onView, shown, all }: FilterProps) {
  return (
    <search className="mb-3 flex flex-wrap items-center gap-2">
      <BareInput
        data-filter
        type="search"
        aria-label={t.list.filter}
        placeholder={t.list.filter}
        value={view.q ?? ""}
        onChange={(event) => onView({ ...view, q: event.target.value || undefined })}
        className="max-w-70 flex-1"
      />
      <BareSelect
        aria-label={t.list.state}
        value={view.state ?? ""}
        onChange={(event) =>
          onView({ ...view, state: (event.target.value || undefined) as View["state"] })
        }
      >
        <option value="">{t.list.allStates}</option>
        {Object.entries(t.list.groups).map(([id, words]) => (
          <option key={id} value={id}>
            {words}
          </option>
        ))}
      </BareSelect>
      <span role="status" className="ml-auto text-small text-muted">
        {t.list.shown(shown, all)}
      </span>
    </search>
  );
}

export function ListPage({ view, onView }: { view: View; onView: (view: View) => void }) {
  const { query, rows } = useRows();
  const actions = useDeploymentActions();
  const unsure = useUnsure() || query.isRefetchError;
  const shown = useMemo(() => arrange(rows, view), [rows, view]);
  const sort = (column: NonNullable<View["sort"]>) => {
    const same = (view.sort ?? "name") === column;
    onView({ ...view, sort: column, down: same ? !view.down : false });
  };
  return (
    <>
      <PageHead title={t.pages.deployments} actions={<DeployLink />} beside />
      <StaleNote />
      <Lost query={query} />
      {query.isError && !query.data ? (
        <ErrorCard
          error={query.error}
          title={t.errors.lists.deployments}
          onRetry={() => void query.refetch()}
        />
      ) : query.isPending ? (
        <Card>
          <SkeletonRows />
        </Card>
      ) : rows.length === 0 ? (
        <Card>
          <Empty title={t.list.emptyTitle} why={t.list.emptyWhy} action={<DeployLink />} />
        </Card>
      ) : (
        <>
          <FilterBar view={view} onView={onView} shown={shown.length} all={rows.length} />
          {shown.length > 0 ? (
            <DeploymentsTable
              rows={shown}
              view={view}
              unsure={unsure}
              actions={actions}
              onSort={sort}
            />
          ) : (
            <Card>
              <Empty
                title={t.list.noMatch}
                why={t.list.noMatchWhy}
                action={<Button onClick={() => onView({})}>{t.list.clear}</Button>}
              />
            </Card>
          )}
        </>
      )}
    </>
  );
}
