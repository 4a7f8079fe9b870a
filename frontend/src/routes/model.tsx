/** The address `/hub/$organisation/$name`. */

import { getRouteApi } from "@tanstack/react-router";
import { ModelPage } from "@/features/models/model-page";

const route = getRouteApi("/app/hub/$");

export default function ModelRoute() {
  const { _splat: repo = "" } = route.useParams();
  return <ModelPage key={repo} repo={repo} />;
}
