/** Invitations that nobody has taken up yet, each to be taken back. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { toast } from "sonner";
import { accessKeys, invitationsQuery } from "@/api/access";
import { data } from "@/api/client";
import { type Invitation, withdrawInvitation } from "@/api/gen";
import { Button } from "@/components/button";
import { Card } from "@/components/card";
import { Tag } from "@/components/chip";
import { ConfirmDialog } from "@/components/dialog";
import { dateTime } from "@/components/format";
import { Lost, PartFailed } from "@/components/states";
import { roles, invitations as w } from "@/strings/access";
import { useAccessAction } from "./use-access-action";

function Row({ one }: { one: Invitation }) {
  const [asked, setAsked] = useState(false);
  const { busy, attempt } = useAccessAction(accessKeys.invitations, accessKeys.users);
  const withdraw = async () => {
    const path = { invitation_id: one.id };
    const gone = await attempt(async () => {
      await data<unknown>(withdrawInvitation({ path }));
      return true;
    });
    if (gone) toast(w.withdrawn(one.username));
  };
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 border-t border-line px-4 py-2.5">
      <span className="font-[520] break-all">{one.username}</span>
      <Tag>{roles[one.role]}</Tag>
      <span className="text-small text-muted">{w.until(dateTime(one.expires_at))}</span>
      <Button
        size="small"
        kind="danger"
        className="ml-auto"
        disabled={busy}
        aria-label={w.withdrawOf(one.username)}
        onClick={() => setAsked(true)}
      >
        {w.withdraw}
      </Button>
      <ConfirmDialog
        open={asked}
        onOpenChange={setAsked}
        title={w.withdrawTitle(one.username)}
        why={w.withdrawWhy}
        verb={w.withdraw}
        danger
        onConfirm={() => void withdraw()}
      />
    </li>
  );
}

export function Invitations() {
  const query = useQuery(invitationsQuery);
  if (query.isError && !query.data)
    return (
      <Card className="mt-3 px-4 py-3">
        <PartFailed query={query} title={w.failed} />
      </Card>
    );
  if (!query.data || query.data.length === 0) return null;
  return (
    <Card label={w.title} className="mt-3">
      <h2 className="px-4 py-3">{w.title}</h2>
      <Lost query={query} />
      <ul>
        {query.data.map((one) => (
          <Row key={one.id} one={one} />
        ))}
      </ul>
    </Card>
  );
}
