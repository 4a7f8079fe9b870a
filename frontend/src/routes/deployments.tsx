/** The address `/deployments`. */

import { getRouteApi } from "@tanstack/react-router";
import { ListPage } from "@/features/deployments/list-page";
import type { ListSearch } from "./search";

const route = getRouteApi("/app/deployments");

export default function DeploymentsRoute() {
  const view = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <ListPage
      view={view}
      onView={({ q, state, sort, down }) => {
        const search: ListSearch = { q, state, sort, down: down ? true : undefined };
        void navigate({ search, replace: true });
      }}
    />
  );
}
