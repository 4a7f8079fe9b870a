/** The table of deployments: only the rows in view are drawn, however many there are. */

import { Link } from "@tanstack/react-router";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp, Ellipsis } from "lucide-react";
import { memo, useCallback, useLayoutEffect, useRef, useState } from "react";
import { type DeploymentActions, type Verb, verbsFor } from "@/api/actions";
import { useMay } from "@/api/rights";
import type { Deployment } from "@/api/types";
import { IconButton } from "@/components/button";
import { Card } from "@/components/card";
import { StateChip } from "@/components/chip";
import { DeleteDialog } from "@/components/dialog";
import { count, rate } from "@/components/format";
import { MenuBelow } from "@/components/menu";
import { t } from "@/strings";
import type { Row, View } from "./rows";

const ROW_PX = 40;
const GRID =
  "grid items-center gap-x-3 px-4 grid-cols-[minmax(0,1fr)_128px_58px_28px] md:grid-cols-[minmax(120px,1.1fr)_minmax(130px,1fr)_minmax(140px,1.7fr)_76px_76px_64px_28px]";
const WIDE = "max-md:hidden";

interface Column {
  id: NonNullable<View["sort"]>;
  className: string;
}

const COLUMNS: Column[] = [
  { id: "name", className: "" },
  { id: "state", className: "" },
  { id: "model", className: WIDE },
  { id: "replicas", className: "text-right" },
  { id: "rate", className: `text-right ${WIDE}` },
  { id: "queue", className: `text-right ${WIDE}` },
];

interface HeadProps {
  view: View;
  onSort?: ((column: NonNullable<View["sort"]>) => void) | undefined;
}

function Head({ view, onSort }: HeadProps) {
  return (
    <div role="rowgroup">
      <div role="row" className={`${GRID} h-10 border-b border-line text-small text-muted`}>
        {COLUMNS.map(({ id, className }) => {
          const sorted = onSort && (view.sort ?? "name") === id;
          const Arrow = view.down ? ArrowDown : ArrowUp;
          return (
            <div
              key={id}
              role="columnheader"
              aria-sort={sorted ? (view.down ? "descending" : "ascending") : undefined}
              className={className}
            >
              {onSort ? (
                <button
                  type="button"
                  onClick={() => onSort(id)}
                  className="inline-flex items-center gap-1 hover:text-text"
                >
                  {t.list.columns[id]}
                  {sorted ? <Arrow size={11} aria-hidden /> : null}
                </button>
              ) : (
                t.list.columns[id]
              )}
            </div>
          );
        })}
        <div role="columnheader">
          <span className="sr-only">{t.actions.more}</span>
        </div>
      </div>
    </div>
  );
}

interface LineProps {
  row: Row;
  index: number;
  unsure: boolean;
  last: boolean;
  onMenu: ((deployment: Deployment, button: HTMLElement) => void) | null;
}

const Line = memo(function Line({ row, index, unsure, last, onMenu }: LineProps) {
  const d = row.deployment;
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      className={`${GRID} h-10 hover:bg-bg ${last ? "" : "border-b border-line"}`}
    >
      <div role="cell" className="min-w-0">
        <Link
          to="/deployments/$name"
          params={{ name: d.name }}
          className="block truncate font-[600] hover:underline"
        >
          {d.name}
        </Link>
      </div>
      <div role="cell" className="min-w-0">
        <StateChip phase={d.phase} progress={d.progress} unsure={unsure} />
      </div>
      <div role="cell" className={`truncate text-muted ${WIDE}`} title={d.spec.model}>
        {d.spec.model}
      </div>
      <div role="cell" className="text-right figures">
        {d.replicas_ready} / {d.replicas_desired}
      </div>
      <div role="cell" className={`text-right figures ${WIDE}`}>
        {rate(row.rate)}
      </div>
      <div role="cell" className={`text-right figures ${WIDE}`}>
        {count(d.metrics?.requests_waiting)}
      </div>
      <div role="cell">
        {onMenu ? (
          <IconButton
            label={t.actions.of(d.name)}
            aria-haspopup="menu"
            className="-mr-1"
            onClick={(event) => onMenu(d, event.currentTarget)}
          >
            <Ellipsis size={15} aria-hidden />
          </IconButton>
        ) : null}
      </div>
    </div>
  );
});

interface Props {
  rows: readonly Row[];
  view?: View;
  unsure: boolean;
  actions: DeploymentActions;
  onSort?: (column: NonNullable<View["sort"]>) => void;
}

export function DeploymentsTable({ rows, view = {}, unsure, actions, onSort }: Props) {
  const list = useRef<HTMLDivElement>(null);
  const mayOperate = useMay("operate");
  const [offset, setOffset] = useState(0);
  const [deleting, setDeleting] = useState<string | null>(null);
  const [menu, setMenu] = useState<{ deployment: Deployment; button: HTMLElement } | null>(null);
  useLayoutEffect(() => {
    const top = list.current?.getBoundingClientRect().top ?? 0;
    setOffset(top + window.scrollY);
  }, []);
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => ROW_PX,
    overscan: 12,
    scrollMargin: offset,
    getItemKey: (index) => rows[index]?.deployment.uid ?? index,
  });
  const onVerb = (verb: Verb, name: string) => {
    if (verb === "delete") setDeleting(name);
    else void actions.act(verb, name);
  };
  const onMenu = useCallback((deployment: Deployment, button: HTMLElement) => {
    setMenu({ deployment, button });
  }, []);
  return (
    <Card className={unsure ? "opacity-75" : ""}>
      <div role="table" aria-label={t.list.table} aria-rowcount={rows.length + 1}>
        <Head view={view} onSort={onSort} />
        <div
          role="rowgroup"
          ref={list}
          className="relative"
          style={{ height: virtual.getTotalSize() }}
        >
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index];
            return row ? (
              <div
                key={item.key}
                role="presentation"
                className="absolute inset-x-0 top-0"
                style={{ transform: `translateY(${item.start - offset}px)` }}
              >
                <Line
                  row={row}
                  index={item.index}
                  unsure={unsure}
                  last={item.index === rows.length - 1}
                  onMenu={mayOperate ? onMenu : null}
                />
              </div>
            ) : null;
          })}
        </div>
      </div>
      {menu ? (
        <MenuBelow
          anchor={menu.button}
          onClose={() => setMenu(null)}
          items={verbsFor(menu.deployment).map((verb) => ({
            label: t.verbs[verb],
            danger: verb === "delete",
            onSelect: () => onVerb(verb, menu.deployment.name),
          }))}
        />
      ) : null}
      {deleting ? (
        <DeleteDialog
          name={deleting}
          open
          onOpenChange={() => setDeleting(null)}
          onConfirm={() => void actions.act("delete", deleting)}
        />
      ) : null}
    </Card>
  );
}
