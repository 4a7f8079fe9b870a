/** What surrounds every page once somebody is logged in, and what stands where a page can't. */

import {
  type ErrorComponentProps,
  Link,
  Outlet,
  useMatches,
  useRouter,
} from "@tanstack/react-router";
import { buttonClass } from "@/components/button";
import { Empty, ErrorCard } from "@/components/states";
import { SessionGuard } from "@/features/auth/session-guard";
import { type Crumb, Shell } from "@/features/shell/shell";
import { RealtimeProvider } from "@/realtime/provider";
import { t } from "@/strings";

/** The pages that have pages below them, or a title of their own. */
const SECTIONS = [
  { to: "/deployments", label: t.pages.deployments },
  { to: "/configs", label: t.pages.configs },
  { to: "/models", label: t.pages.models },
  { to: "/requests", label: t.pages.requests },
  { to: "/alerts", label: t.pages.alerts },
  { to: "/monitoring", label: t.pages.monitoring },
  { to: "/downloads", label: t.pages.downloads },
  { to: "/library", label: t.pages.library },
  { to: "/cluster", label: t.pages.cluster },
  { to: "/logs", label: t.pages.logs },
  { to: "/settings", label: t.pages.settings },
  { to: "/users", label: t.pages.users },
  { to: "/teams", label: t.pages.teams },
  { to: "/keys", label: t.pages.keys },
  { to: "/limits", label: t.pages.limits },
  { to: "/usage", label: t.pages.usage },
  { to: "/audit", label: t.pages.audit },
  { to: "/account", label: t.pages.account },
  { to: "/playground", label: t.pages.playground },
] as const;

export function crumbsOf(path: string): Crumb[] {
  const model = /^\/hub\/(.+)$/.exec(path)?.[1];
  if (model)
    return [{ to: "/models", label: t.pages.models }, { label: decodeURIComponent(model) }];
  const section = SECTIONS.find(({ to }) => path === to || path.startsWith(`${to}/`));
  if (!section) return [{ label: t.pages.overview }];
  const rest = decodeURIComponent(path.slice(section.to.length + 1));
  if (!rest) return [section];
  return [section, { label: rest === "new" ? t.pages.newDeployment : rest }];
}

export function AppFrame() {
  const match = useMatches().at(-1);
  const crumbs = crumbsOf(match?.pathname ?? "/");
  return (
    <RealtimeProvider>
      <Shell crumbs={crumbs}>
        <Outlet />
      </Shell>
      <SessionGuard />
    </RealtimeProvider>
  );
}

export function PageError({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  return (
    <div className="mx-auto max-w-140 p-6">
      <ErrorCard
        error={error}
        onRetry={() => {
          reset();
          void router.invalidate();
        }}
      />
    </div>
  );
}

export function PageMissing() {
  return (
    <Empty
      title={t.errors.notFound}
      why={t.errors.notFoundWhy}
      action={
        <Link to="/" className={buttonClass("primary")}>
          {t.errors.toOverview}
        </Link>
      }
    />
  );
}
