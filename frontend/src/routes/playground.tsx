/** The address `/playground`. */

import { getRouteApi } from "@tanstack/react-router";
import { Restricted } from "@/components/restricted";
import { PlaygroundPage } from "@/features/playground/playground-page";

const route = getRouteApi("/app/playground");

export default function PlaygroundRoute() {
  return (
    <Restricted right="ask">
      <PlaygroundPage model={route.useSearch().model} />
    </Restricted>
  );
}
