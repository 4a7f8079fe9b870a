/** The address `/library`. */

import { getRouteApi } from "@tanstack/react-router";
import { LibraryPage } from "@/features/models/library-page";

const route = getRouteApi("/app/library");

export default function LibraryRoute() {
  const { unused } = route.useSearch();
  const navigate = route.useNavigate();
  const filter = (only: boolean) =>
    void navigate({ search: only ? { unused: true } : {}, replace: true });
  return <LibraryPage unused={unused === true} onUnused={filter} />;
}
