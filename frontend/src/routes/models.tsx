/** The address `/models`. */

import { getRouteApi } from "@tanstack/react-router";
import { DiscoverPage } from "@/features/models/discover-page";

const route = getRouteApi("/app/models");

export default function ModelsRoute() {
  const view = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <DiscoverPage view={view} onView={(next) => void navigate({ search: next, replace: true })} />
  );
}
