/** The address `/deployments/$name`. */

import { getRouteApi } from "@tanstack/react-router";
import { DetailPage } from "@/features/deployments/detail-page";
import { LogView } from "@/features/logs/log-view";
import { RequestList } from "@/features/requests/request-list";

const route = getRouteApi("/app/deployments/$name");

export default function DeploymentRoute() {
  const { name } = route.useParams();
  const { tab = "logs" } = route.useSearch();
  return (
    <DetailPage
      key={name}
      name={name}
      tab={tab}
      logs={<LogView key={name} name={name} />}
      requests={<RequestList key={name} deployment={name} />}
    />
  );
}
