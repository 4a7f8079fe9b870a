/** Teams: who is in which. */

import { useQuery } from "@tanstack/react-query";
import { X } from "lucide-react";
import { type FormEvent, useState } from "react";
import { toast } from "sonner";
import { accessKeys, teamsQuery, usersQuery } from "@/api/access";
import { data } from "@/api/client";
import {
  addTeamMember,
  createTeam,
  deleteTeam,
  removeTeamMember,
  type TeamDetails,
  type UserDetails,
} from "@/api/gen";
import { Button } from "@/components/button";
import { Card } from "@/components/card";
import { ConfirmDialog, Dialog, FormButtons } from "@/components/dialog";
import { BareSelect, TextField } from "@/components/field";
import { roles, teams as w } from "@/strings/access";
import { ListPage } from "./parts";
import { useAccessAction } from "./use-access-action";

function CreateDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const [name, setName] = useState("");
  const { busy, attempt } = useAccessAction(accessKeys.teams);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const made = await attempt(() => data(createTeam({ body: { name: name.trim() } })));
    if (!made) return;
    setName("");
    onClose();
    toast(w.made(made.name));
  };
  return (
    <Dialog open={open} onOpenChange={(next) => (next ? undefined : onClose())} title={w.create}>
      <form onSubmit={(event) => void submit(event)}>
        <TextField
          label={w.name}
          hint={w.nameHint}
          required
          autoComplete="off"
          spellCheck={false}
          pattern="[a-z0-9]([a-z0-9\-]{0,61}[a-z0-9])?"
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <FormButtons submit={w.submit} disabled={busy} onCancel={onClose} />
      </form>
    </Dialog>
  );
}

function AddMember({ team, users }: { team: TeamDetails; users: readonly UserDetails[] }) {
  const [chosen, setChosen] = useState("");
  const { busy, attempt } = useAccessAction(accessKeys.teams, accessKeys.users);
  const inside = new Set(team.members.map((member) => member.user_id));
  const others = users.filter((user) => !inside.has(user.id) && user.status !== "disabled");
  if (others.length === 0) return null;
  const add = async (event: FormEvent) => {
    event.preventDefault();
    const path = { team_id: team.id, user_id: chosen };
    const name = users.find((user) => user.id === chosen)?.username ?? "";
    if (!(await attempt(() => data(addTeamMember({ path }))))) return;
    setChosen("");
    toast(w.added(name, team.name));
  };
  return (
    <form className="mt-3 flex gap-2" onSubmit={(event) => void add(event)}>
      <BareSelect
        aria-label={w.addTo(team.name)}
        value={chosen}
        onChange={(event) => setChosen(event.target.value)}
        className="min-w-0 flex-1"
      >
        <option value="">{w.choose}</option>
        {others.map((user) => (
          <option key={user.id} value={user.id}>
            {user.username}
          </option>
        ))}
      </BareSelect>
      <Button type="submit" disabled={busy || chosen === ""}>
        {w.add}
      </Button>
    </form>
  );
}

function Team({ team, users }: { team: TeamDetails; users: readonly UserDetails[] }) {
  const [deleting, setDeleting] = useState(false);
  const { busy, attempt } = useAccessAction(accessKeys.teams, accessKeys.users, accessKeys.keys);
  const take = async (userId: string, username: string) => {
    const path = { team_id: team.id, user_id: userId };
    if (await attempt(() => data(removeTeamMember({ path }))))
      toast(w.removed(username, team.name));
  };
  const remove = async () => {
    const gone = await attempt(async () => {
      await data<unknown>(deleteTeam({ path: { team_id: team.id } }));
      return true;
    });
    if (gone) toast(w.deleted(team.name));
  };
  return (
    <Card label={team.name} className="p-4">
      <div className="flex items-center justify-between gap-2">
        <h2>{team.name}</h2>
        <Button kind="danger" size="small" disabled={busy} onClick={() => setDeleting(true)}>
          {w.delete}
        </Button>
      </div>
      {team.members.length === 0 ? <p className="mt-1 text-muted">{w.nobody}</p> : null}
      <ul className="mt-2 flex flex-wrap gap-1.5">
        {team.members.map((member) => (
          <li
            key={member.user_id}
            className="inline-flex h-7 items-center gap-1 rounded-control border border-line pl-2"
          >
            {member.username}
            <span className="text-small text-muted">{roles[member.role]}</span>
            <button
              type="button"
              aria-label={w.remove(member.username, team.name)}
              disabled={busy}
              onClick={() => void take(member.user_id, member.username)}
              className="inline-flex size-6.5 items-center justify-center rounded-control text-muted hover:bg-sunken hover:text-text"
            >
              <X size={13} aria-hidden />
            </button>
          </li>
        ))}
      </ul>
      <AddMember team={team} users={users} />
      <ConfirmDialog
        open={deleting}
        onOpenChange={setDeleting}
        title={w.deleteTitle(team.name)}
        why={w.deleteWhy}
        verb={w.delete}
        danger
        onConfirm={() => void remove()}
      />
    </Card>
  );
}

export function TeamsPage() {
  const query = useQuery(teamsQuery);
  const users = useQuery(usersQuery).data ?? [];
  const [making, setMaking] = useState(false);
  const create = (
    <Button kind="primary" onClick={() => setMaking(true)}>
      {w.create}
    </Button>
  );
  return (
    <>
      <ListPage
        title={w.title}
        lead={w.lead}
        query={query}
        failed={w.failed}
        actions={create}
        empty={{ title: w.emptyTitle, why: w.emptyWhy }}
      >
        {(items) => (
          <div className="grid gap-3 md:grid-cols-2">
            {items.map((team) => (
              <Team key={team.id} team={team} users={users} />
            ))}
          </div>
        )}
      </ListPage>
      <CreateDialog open={making} onClose={() => setMaking(false)} />
    </>
  );
}
