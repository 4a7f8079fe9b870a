/** Requests to every model. */

import { PageHead } from "@/components/card";
import { StaleNote } from "@/components/states";
import { r } from "@/strings/requests";
import { RequestList } from "./request-list";

export function RequestsPage() {
  return (
    <>
      <PageHead title={r.title} below={<p className="text-muted">{r.lead}</p>} />
      <StaleNote />
      <RequestList />
    </>
  );
}
