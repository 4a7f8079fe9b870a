/** The address `/logs`. */

import { getRouteApi } from "@tanstack/react-router";
import { Restricted } from "@/components/restricted";
import { ProductLogPage } from "@/features/logs/product-log-page";
import { readLogSearch } from "./search";

const route = getRouteApi("/app/logs");

export default function LogsRoute() {
  const filter = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Restricted right="operate">
      <ProductLogPage
        filter={filter}
        onFilter={(next) => void navigate({ search: readLogSearch({ ...next }), replace: true })}
      />
    </Restricted>
  );
}
