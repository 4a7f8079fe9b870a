/** Where a user is logged in, for an administrator: each login ended by itself, or all. */

import { useQuery } from "@tanstack/react-query";
import { toast } from "sonner";
import { accessKeys, userSessionsQuery } from "@/api/access";
import { data } from "@/api/client";
import { endUserSession, endUserSessions, type SessionInfo, type UserDetails } from "@/api/gen";
import { Button } from "@/components/button";
import { Dialog } from "@/components/dialog";
import { account, users as w } from "@/strings/access";
import { Logins } from "./logins";
import { useAccessAction } from "./use-access-action";

export function UserSessionsDialog({ user, onClose }: { user: UserDetails; onClose: () => void }) {
  const query = useQuery(userSessionsQuery(user.id));
  const { busy, attempt } = useAccessAction(accessKeys.sessions);
  const end = async ({ id }: SessionInfo) => {
    const path = { user_id: user.id, session_id: id };
    const ended = await attempt(async () => {
      await data<unknown>(endUserSession({ path }));
      return true;
    });
    if (ended) toast(account.ended);
  };
  const endAll = async () => {
    if (!(await attempt(() => data(endUserSessions({ path: { user_id: user.id } }))))) return;
    toast(w.sessionsEnded(user.username));
    onClose();
  };
  return (
    <Dialog open onOpenChange={onClose} title={w.sessionsOf(user.username)} wide>
      <Logins
        query={query}
        failed={w.sessionsFailed}
        busy={busy}
        onEnd={(login) => void end(login)}
      />
      <div className="mt-4 flex justify-end">
        <Button kind="danger" disabled={busy || !query.data?.length} onClick={() => void endAll()}>
          {w.endSessions}
        </Button>
      </div>
    </Dialog>
  );
}
