/** The address `/usage`. */

import { getRouteApi } from "@tanstack/react-router";
import { UsagePage } from "@/features/access/usage-page";

const route = getRouteApi("/app/usage");

export default function UsageRoute() {
  const view = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <UsagePage view={view} onView={(next) => void navigate({ search: next, replace: true })} />
  );
}
