/** The deployments on the overview: those that matter now, in one short table. */

import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { useDeploymentActions } from "@/api/actions";
import { useUnsure } from "@/components/states";
import { t } from "@/strings";
import { arrange, type Row } from "./rows";
import { DeploymentsTable } from "./table";

const SHOWN = 10;

export function OverviewTable({ rows }: { rows: readonly Row[] }) {
  const actions = useDeploymentActions();
  const unsure = useUnsure();
  const sorted = useMemo(() => arrange(rows, { sort: "state" }), [rows]);
  return (
    <div className="min-w-0">
      <DeploymentsTable rows={sorted.slice(0, SHOWN)} unsure={unsure} actions={actions} />
      {sorted.length > SHOWN ? (
        <p className="mt-2 px-1">
          <Link to="/deployments" className="text-accent hover:underline">
            {t.overview.showAll(sorted.length)}
          </Link>
        </p>
      ) : null}
    </div>
  );
}
