/** The address `/deployments/new`. */

import { DeployPage } from "@/features/deployments/deploy-page";

export default function DeployRoute() {
  return <DeployPage />;
}
