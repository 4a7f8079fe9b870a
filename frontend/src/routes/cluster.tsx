/** The address `/cluster`. */

import { ClusterPage } from "@/features/cluster/cluster-page";

export default function ClusterRoute() {
  return <ClusterPage />;
}
