/** Which page stands at which address. Pages are loaded when they are opened. */

import { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import { reportError } from "@/api/client-errors";
import { ApiError, isUnauthorized } from "@/api/problem";
import { meQuery, retry } from "@/api/queries";
import { SkeletonRows } from "@/components/states";
import { readUsageView } from "@/features/access/usage-view";
import "./arrival";
import { AppFrame, PageError, PageMissing } from "./frame";
import {
  readDeploymentSearch,
  readListSearch,
  readLogSearch,
  readModelsSearch,
  readMonitoringSearch,
  readRevision,
} from "./search";

export const queryClient = new QueryClient({
  defaultOptions: { queries: { retry, staleTime: 5_000, refetchOnWindowFocus: true } },
});

const root = createRootRouteWithContext<{ client: QueryClient }>()({
  notFoundComponent: PageMissing,
  errorComponent: PageError,
});

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  validateSearch: (search): { next?: string } => ({ next: text(search.next) }),
  component: lazyRouteComponent(() => import("./login")),
});

const loginOidc = createRoute({
  getParentRoute: () => root,
  path: "/login/oidc",
  component: lazyRouteComponent(() => import("./login-oidc")),
});

const join = createRoute({
  getParentRoute: () => root,
  path: "/join",
  component: lazyRouteComponent(() => import("./join")),
});

const app = createRoute({
  getParentRoute: () => root,
  id: "app",
  component: AppFrame,
  beforeLoad: async ({ context, location }) => {
    try {
      await context.client.ensureQueryData(meQuery);
    } catch (error) {
      if (!isUnauthorized(error)) throw error;
      throw redirect({
        to: "/login",
        search: location.href === "/" ? {} : { next: location.href },
      });
    }
  },
});

const overview = createRoute({
  getParentRoute: () => app,
  path: "/",
  component: lazyRouteComponent(() => import("./overview")),
});

const deployments = createRoute({
  getParentRoute: () => app,
  path: "/deployments",
  validateSearch: readListSearch,
  component: lazyRouteComponent(() => import("./deployments")),
});

const deploy = createRoute({
  getParentRoute: () => app,
  path: "/deployments/new",
  validateSearch: (search): { model?: string; revision?: string; config?: string } => ({
    model: text(search.model),
    ...readRevision(search),
    config: text(search.config),
  }),
  component: lazyRouteComponent(() => import("./deploy")),
});

const deployment = createRoute({
  getParentRoute: () => app,
  path: "/deployments/$name",
  validateSearch: readDeploymentSearch,
  component: lazyRouteComponent(() => import("./deployment")),
});

const configs = createRoute({
  getParentRoute: () => app,
  path: "/configs",
  component: lazyRouteComponent(() => import("./configs")),
});

const newConfig = createRoute({
  getParentRoute: () => app,
  path: "/configs/new",
  validateSearch: (search): { model?: string; revision?: string } => ({
    model: text(search.model),
    ...readRevision(search),
  }),
  component: lazyRouteComponent(() => import("./config-new")),
});

const config = createRoute({
  getParentRoute: () => app,
  path: "/configs/$name",
  component: lazyRouteComponent(() => import("./config")),
});

const models = createRoute({
  getParentRoute: () => app,
  path: "/models",
  validateSearch: readModelsSearch,
  component: lazyRouteComponent(() => import("./models")),
});

const model = createRoute({
  getParentRoute: () => app,
  path: "/hub/$",
  validateSearch: readRevision,
  component: lazyRouteComponent(() => import("./model")),
});

const requests = createRoute({
  getParentRoute: () => app,
  path: "/requests",
  component: lazyRouteComponent(() => import("./requests")),
});

const downloads = createRoute({
  getParentRoute: () => app,
  path: "/downloads",
  component: lazyRouteComponent(() => import("./downloads")),
});

const library = createRoute({
  getParentRoute: () => app,
  path: "/library",
  validateSearch: (search): { unused?: true } => (search.unused === true ? { unused: true } : {}),
  component: lazyRouteComponent(() => import("./library")),
});

const settings = createRoute({
  getParentRoute: () => app,
  path: "/settings",
  component: lazyRouteComponent(() => import("./settings")),
});

const cluster = createRoute({
  getParentRoute: () => app,
  path: "/cluster",
  component: lazyRouteComponent(() => import("./cluster")),
});

const alerts = createRoute({
  getParentRoute: () => app,
  path: "/alerts",
  component: lazyRouteComponent(() => import("./alerts")),
});

const monitoring = createRoute({
  getParentRoute: () => app,
  path: "/monitoring",
  validateSearch: readMonitoringSearch,
  component: lazyRouteComponent(() => import("./monitoring")),
});

const logs = createRoute({
  getParentRoute: () => app,
  path: "/logs",
  validateSearch: readLogSearch,
  component: lazyRouteComponent(() => import("./logs")),
});

const users = createRoute({
  getParentRoute: () => app,
  path: "/users",
  component: lazyRouteComponent(() => import("./users")),
});

const teams = createRoute({
  getParentRoute: () => app,
  path: "/teams",
  component: lazyRouteComponent(() => import("./teams")),
});

const keys = createRoute({
  getParentRoute: () => app,
  path: "/keys",
  component: lazyRouteComponent(() => import("./keys")),
});

const limits = createRoute({
  getParentRoute: () => app,
  path: "/limits",
  component: lazyRouteComponent(() => import("./limits")),
});

const account = createRoute({
  getParentRoute: () => app,
  path: "/account",
  component: lazyRouteComponent(() => import("./account")),
});

const usage = createRoute({
  getParentRoute: () => app,
  path: "/usage",
  validateSearch: readUsageView,
  component: lazyRouteComponent(() => import("./usage")),
});

const audit = createRoute({
  getParentRoute: () => app,
  path: "/audit",
  component: lazyRouteComponent(() => import("./audit")),
});

const playground = createRoute({
  getParentRoute: () => app,
  path: "/playground",
  validateSearch: (search): { model?: string } => ({ model: text(search.model) }),
  component: lazyRouteComponent(() => import("./playground")),
});

export const router = createRouter({
  // What no route reads of an address reaches no page: anyone can type anything there.
  search: { strict: true },
  routeTree: root.addChildren([
    login,
    loginOidc,
    join,
    app.addChildren([
      overview,
      deployments,
      deploy,
      deployment,
      requests,
      configs,
      newConfig,
      config,
      playground,
      models,
      model,
      downloads,
      library,
      settings,
      cluster,
      monitoring,
      alerts,
      logs,
      users,
      teams,
      keys,
      limits,
      usage,
      audit,
      account,
    ]),
  ]),
  context: { client: queryClient },
  defaultOnCatch: (error) => {
    // What the server refused is in its log already.
    if (!(error instanceof ApiError)) reportError("render", error);
  },
  defaultPreload: "intent",
  defaultPendingComponent: SkeletonRows,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
