/** Users: who may come in, as what, and since when. */

import { useQuery } from "@tanstack/react-query";
import { MoreHorizontal } from "lucide-react";
import { useState } from "react";
import { toast } from "sonner";
import { accessKeys, usersQuery } from "@/api/access";
import { data } from "@/api/client";
import { changeUser, disableUser, enableUser, resetUser, type UserDetails } from "@/api/gen";
import { meQuery } from "@/api/queries";
import type { Role } from "@/api/types";
import { Ago } from "@/components/ago";
import { Button, IconButton } from "@/components/button";
import { Chip, Tag } from "@/components/chip";
import { ConfirmDialog } from "@/components/dialog";
import { BareInput, BareSelect } from "@/components/field";
import type { Tone } from "@/components/format";
import { Menu } from "@/components/menu";
import { showSecret } from "@/components/secret";
import { access, roleHints, roles, users as w } from "@/strings/access";
import { Invitations } from "./invitations";
import { InviteDialog } from "./invite-dialog";
import { cell, ListPage, linkSecret, Table } from "./parts";
import { ROLES } from "./roles";
import { useAccessAction } from "./use-access-action";
import { UserSessionsDialog } from "./user-sessions";

const TONES: Record<UserDetails["status"], Tone> = {
  active: "ready",
  invited: "working",
  disabled: "idle",
};

const COLUMNS = [
  { label: w.columns.name },
  { label: w.columns.role },
  { label: w.columns.teams, hide: "md" as const },
  { label: w.columns.state, hide: "sm" as const },
  { label: w.columns.seen, hide: "lg" as const },
  { label: w.actions(""), quiet: true },
];

function RoleSelect({ user, fixed }: { user: UserDetails; fixed: boolean }) {
  const { busy, attempt } = useAccessAction(accessKeys.users);
  const change = async (role: Role) => {
    const changed = await attempt(() =>
      data(changeUser({ path: { user_id: user.id }, body: { role } })),
    );
    if (changed) toast(w.roleChanged(user.username, roles[role]));
  };
  return (
    <BareSelect
      aria-label={w.roleOf(user.username)}
      title={roleHints[user.role]}
      value={user.role}
      disabled={busy || fixed}
      onChange={(event) => void change(event.target.value as Role)}
    >
      {ROLES.map((role) => (
        <option key={role} value={role}>
          {roles[role]}
        </option>
      ))}
    </BareSelect>
  );
}

interface RowProps {
  user: UserDetails;
  isMe: boolean;
}

function Row({ user, isMe }: RowProps) {
  const [disabling, setDisabling] = useState(false);
  const [looking, setLooking] = useState(false);
  const { attempt } = useAccessAction(accessKeys.users);
  const path = { user_id: user.id };
  const run = async (call: () => Promise<unknown>, said: string) => {
    if ((await attempt(call)) !== null) toast(said);
  };
  const reset = async () => {
    const issued = await attempt(() => data(resetUser({ path })));
    if (issued) showSecret(linkSecret(issued));
  };
  const person = user.kind === "person";
  const items = [
    ...(person && user.status !== "disabled"
      ? [{ label: w.reset, onSelect: () => void reset() }]
      : []),
    ...(person && user.status === "active"
      ? [{ label: w.sessions, onSelect: () => setLooking(true) }]
      : []),
    user.status === "disabled"
      ? {
          label: w.enable,
          onSelect: () => void run(() => data(enableUser({ path })), w.enabled(user.username)),
        }
      : { label: w.disable, danger: true, onSelect: () => setDisabling(true) },
  ];
  return (
    <tr>
      <td className={cell()}>
        <span className="flex flex-wrap items-center gap-1.5">
          <span className="font-[520] break-all">{user.username}</span>
          {isMe ? <Tag>{w.you}</Tag> : null}
          {person ? null : <Tag>{w.kinds.service}</Tag>}
        </span>
        {user.email ? <span className="block text-small text-muted">{user.email}</span> : null}
      </td>
      <td className={cell()}>
        <RoleSelect user={user} fixed={user.status === "disabled"} />
      </td>
      <td className={cell("md")}>
        <span className="flex flex-wrap gap-1">
          {user.teams.length > 0
            ? user.teams.map((team) => <Tag key={team.id}>{team.name}</Tag>)
            : access.none}
        </span>
      </td>
      <td className={cell("sm")}>
        <Chip tone={TONES[user.status]}>{w.states[user.status]}</Chip>
      </td>
      <td className={cell("lg", "whitespace-nowrap text-muted")}>
        {user.last_login_at ? <Ago at={user.last_login_at} /> : access.never}
      </td>
      <td className={cell(undefined, "text-right")}>
        <Menu
          trigger={
            <IconButton label={w.actions(user.username)}>
              <MoreHorizontal size={15} aria-hidden />
            </IconButton>
          }
          items={items}
        />
        {looking ? <UserSessionsDialog user={user} onClose={() => setLooking(false)} /> : null}
        <ConfirmDialog
          open={disabling}
          onOpenChange={setDisabling}
          title={w.disableTitle(user.username)}
          why={w.disableWhy}
          verb={w.disable}
          danger
          onConfirm={() => void run(() => data(disableUser({ path })), w.disabled(user.username))}
        />
      </td>
    </tr>
  );
}

export function UsersPage() {
  const query = useQuery(usersQuery);
  const me = useQuery(meQuery).data?.user.id;
  const [wanted, setWanted] = useState("");
  const [making, setMaking] = useState<"person" | "service" | null>(null);
  const text = wanted.trim().toLowerCase();
  return (
    <>
      <ListPage
        title={w.title}
        lead={w.lead}
        query={query}
        failed={w.failed}
        actions={
          <>
            <Button onClick={() => setMaking("service")}>{w.service}</Button>
            <Button kind="primary" onClick={() => setMaking("person")}>
              {w.invite}
            </Button>
          </>
        }
        above={
          <search className="mb-3 flex">
            <BareInput
              data-filter
              type="search"
              aria-label={w.filter}
              placeholder={w.filter}
              value={wanted}
              onChange={(event) => setWanted(event.target.value)}
              className="max-w-70 flex-1"
            />
          </search>
        }
      >
        {(items) => (
          <Table columns={COLUMNS}>
            {items
              .filter((user) => `${user.username} ${user.email ?? ""}`.toLowerCase().includes(text))
              .map((user) => (
                <Row key={user.id} user={user} isMe={user.id === me} />
              ))}
          </Table>
        )}
      </ListPage>
      <Invitations />
      <InviteDialog kind={making} onClose={() => setMaking(null)} />
    </>
  );
}
