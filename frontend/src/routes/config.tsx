/** The address `/configs/$name`. */

import { getRouteApi } from "@tanstack/react-router";
import { ConfigPage } from "@/features/configs/detail-page";

const route = getRouteApi("/app/configs/$name");

export default function ConfigRoute() {
  const { name } = route.useParams();
  return <ConfigPage key={name} name={name} />;
}
