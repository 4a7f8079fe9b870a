/** The address `/deployments/new`. */

import { getRouteApi } from "@tanstack/react-router";
import { DeployPage } from "@/features/deployments/deploy-page";

const route = getRouteApi("/app/deployments/new");

export default function DeployRoute() {
  const { model, revision, config } = route.useSearch();
  return <DeployPage model={model} revision={revision} config={config} />;
}
