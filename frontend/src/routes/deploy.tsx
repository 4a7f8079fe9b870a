/** The address `/deployments/new`. */

import { getRouteApi } from "@tanstack/react-router";
import { Restricted } from "@/components/restricted";
import { DeployPage } from "@/features/deployments/deploy-page";

const route = getRouteApi("/app/deployments/new");

export default function DeployRoute() {
  const { model, revision, config } = route.useSearch();
  return (
    <Restricted right="operate">
      <DeployPage model={model} revision={revision} config={config} />
    </Restricted>
  );
}
