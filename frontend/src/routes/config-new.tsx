/** The address `/configs/new`. */

import { getRouteApi } from "@tanstack/react-router";
import { Restricted } from "@/components/restricted";
import { NewConfigPage } from "@/features/configs/new-page";

const route = getRouteApi("/app/configs/new");

export default function NewConfigRoute() {
  const { model, revision } = route.useSearch();
  return (
    <Restricted right="operate">
      <NewConfigPage key={`${model}@${revision}`} model={model} revision={revision} />
    </Restricted>
  );
}
