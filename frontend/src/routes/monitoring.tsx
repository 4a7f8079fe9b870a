/** The address `/monitoring`. */

import { getRouteApi } from "@tanstack/react-router";
import { MonitoringPage } from "@/features/monitoring/monitoring-page";

const route = getRouteApi("/app/monitoring");

export default function MonitoringRoute() {
  const shown = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <MonitoringPage
      shown={shown}
      onShow={(next) => void navigate({ search: next, replace: true })}
    />
  );
}
