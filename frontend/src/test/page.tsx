/** A page shown in a test: with a cache of its own, and addresses that lead nowhere. */

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory,
  createRootRoute,
  createRouter,
  RouterProvider,
} from "@tanstack/react-router";
import { render } from "@testing-library/react";
import type { ReactNode } from "react";
import { vi } from "vitest";
import "@/api/client";
import { RealtimeProvider } from "@/realtime/provider";

/** The stream's edge: a connection on which nothing is ever said. */
class Silence extends EventTarget {
  close() {}
}

export function showPage(page: () => ReactNode) {
  vi.stubGlobal("EventSource", Silence);
  const router = createRouter({
    routeTree: createRootRoute({ component: page }),
    history: createMemoryHistory(),
  });
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  return render(
    <QueryClientProvider client={client}>
      <RealtimeProvider>
        <RouterProvider router={router as never} />
      </RealtimeProvider>
    </QueryClientProvider>,
  );
}
