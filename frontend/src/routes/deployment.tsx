/** The address `/deployments/$name`. */

import { getRouteApi } from "@tanstack/react-router";
import { DetailPage } from "@/features/deployments/detail-page";
import { LogView } from "@/features/logs/log-view";
import { RequestList } from "@/features/requests/request-list";
import { readDeploymentSearch } from "./search";

const route = getRouteApi("/app/deployments/$name");

export default function DeploymentRoute() {
  const { name } = route.useParams();
  const { tab = "logs", attempt } = route.useSearch();
  const navigate = route.useNavigate();
  const choose = (attempt: string | undefined) =>
    void navigate({
      search: readDeploymentSearch({ tab, attempt }),
      replace: true,
      resetScroll: false,
    });
  return (
    <DetailPage
      key={name}
      name={name}
      tab={tab}
      logs={<LogView key={name} name={name} attempt={attempt} onAttempt={choose} />}
      requests={<RequestList key={name} deployment={name} />}
    />
  );
}
