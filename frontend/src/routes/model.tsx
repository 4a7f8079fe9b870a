/** The address `/hub/$organisation/$name`. */

import { getRouteApi } from "@tanstack/react-router";
import { ModelPage } from "@/features/models/model-page";

const route = getRouteApi("/app/hub/$");

export default function ModelRoute() {
  const { _splat: repo = "" } = route.useParams();
  const { revision } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <ModelPage
      key={`${repo}@${revision ?? ""}`}
      repo={repo}
      revision={revision}
      onRevision={(next) => void navigate({ search: next ? { revision: next } : {} })}
    />
  );
}
