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

function crumbsOf(path: string, params: { name?: string }): Crumb[] {
  const deployments: Crumb = { label: t.pages.deployments, to: "/deployments" };
  if (params.name) return [deployments, { label: params.name }];
  if (path.startsWith("/deployments/new")) return [deployments, { label: t.pages.newDeployment }];
  if (path.startsWith("/deployments")) return [deployments];
  if (path.startsWith("/playground")) return [{ label: t.pages.playground }];
  return [{ label: t.pages.overview }];
}

export function AppFrame() {
  const match = useMatches().at(-1);
  const crumbs = crumbsOf(match?.pathname ?? "/", (match?.params ?? {}) as { name?: string });
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
