/** The address `/playground`. */

import { getRouteApi } from "@tanstack/react-router";
import { PlaygroundPage } from "@/features/playground/playground-page";

const route = getRouteApi("/app/playground");

export default function PlaygroundRoute() {
  return <PlaygroundPage model={route.useSearch().model} />;
}
