/** Says instead of a page whose every action would be refused whom it is for. */

import type { ReactNode } from "react";
import { type Right, rolesOf, useMay } from "@/api/rights";
import { rights as w } from "@/strings/rights";
import { Card } from "./card";
import { Empty } from "./states";

export function Restricted({ right, children }: { right: Right; children: ReactNode }) {
  if (useMay(right)) return children;
  return (
    <Card>
      <Empty title={w.title} why={w.why(rolesOf(right).map((role) => w.roles[role]))} />
    </Card>
  );
}

/** What is shown only to those who may use it. */
export function Allowed({ right, children }: { right: Right; children: ReactNode }) {
  return useMay(right) ? children : null;
}
