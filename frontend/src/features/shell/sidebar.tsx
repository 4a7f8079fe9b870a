/** The pages that exist, and where one is. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { alertsQuery } from "@/api/alerts";
import { deploymentsQuery, meQuery } from "@/api/queries";
import { may } from "@/api/rights";
import { Mark } from "@/components/mark";
import { t } from "@/strings";
import { pagesOf } from "./access-pages";

const ITEM =
  "flex h-8 items-center justify-between rounded-control border border-transparent px-2 text-muted hover:text-text data-[status=active]:border-line data-[status=active]:bg-surface data-[status=active]:font-[520] data-[status=active]:text-text";

export function Sidebar({ onNavigate }: { onNavigate?: () => void }) {
  const deployments = useQuery({ ...deploymentsQuery, enabled: false });
  const count = deployments.data?.length;
  const alerts = useQuery(alertsQuery("active")).data?.length;
  const role = useQuery(meQuery).data?.user.role;
  return (
    <nav aria-label={t.shell.navigation} className="flex flex-col gap-px p-2.5">
      <Link
        to="/"
        onClick={onNavigate}
        className="mb-2 flex h-8 items-center gap-2 px-2 text-[15px] font-[640] tracking-[-0.01em]"
      >
        <Mark />
        {t.product}
      </Link>
      <Link to="/" activeOptions={{ exact: true }} onClick={onNavigate} className={ITEM}>
        {t.pages.overview}
      </Link>
      {may(role, "ask") ? (
        <Link to="/playground" onClick={onNavigate} className={ITEM}>
          {t.pages.playground}
        </Link>
      ) : null}
      <p className="mt-4 mb-1 px-2 text-tiny text-muted">{t.shell.models}</p>
      <Link to="/models" onClick={onNavigate} className={ITEM}>
        {t.pages.models}
      </Link>
      <Link to="/library" onClick={onNavigate} className={ITEM}>
        {t.pages.library}
      </Link>
      <Link to="/downloads" onClick={onNavigate} className={ITEM}>
        {t.pages.downloads}
      </Link>
      <p className="mt-4 mb-1 px-2 text-tiny text-muted">{t.shell.serve}</p>
      <Link to="/deployments" onClick={onNavigate} className={ITEM}>
        {t.pages.deployments}
        {count ? <span className="text-tiny text-muted">{count}</span> : null}
      </Link>
      <Link to="/requests" onClick={onNavigate} className={ITEM}>
        {t.pages.requests}
      </Link>
      <Link to="/configs" onClick={onNavigate} className={ITEM}>
        {t.pages.configs}
      </Link>
      <p className="mt-4 mb-1 px-2 text-tiny text-muted">{t.shell.access}</p>
      {pagesOf(role)
        .filter((page) => page !== "account")
        .map((page) => (
          <Link key={page} to={`/${page}`} onClick={onNavigate} className={ITEM}>
            {t.pages[page]}
          </Link>
        ))}
      <p className="mt-4 mb-1 px-2 text-tiny text-muted">{t.shell.run}</p>
      <Link to="/monitoring" onClick={onNavigate} className={ITEM}>
        {t.pages.monitoring}
      </Link>
      <Link to="/alerts" onClick={onNavigate} className={ITEM}>
        {t.pages.alerts}
        {alerts ? <span className="text-tiny text-muted">{alerts}</span> : null}
      </Link>
      <Link to="/cluster" onClick={onNavigate} className={ITEM}>
        {t.pages.cluster}
      </Link>
      {role === "administrator" || role === "operator" ? (
        <Link to="/logs" onClick={onNavigate} className={ITEM}>
          {t.pages.logs}
        </Link>
      ) : null}
      <Link to="/settings" onClick={onNavigate} className={ITEM}>
        {t.pages.settings}
      </Link>
    </nav>
  );
}
