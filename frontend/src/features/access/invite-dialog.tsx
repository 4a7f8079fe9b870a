/** Invites a person by a one-time link, or makes a service account. */

import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { toast } from "sonner";
import { accessKeys, teamsQuery } from "@/api/access";
import { data } from "@/api/client";
import { createInvitation, createUser } from "@/api/gen";
import type { Role } from "@/api/types";
import { Dialog, FormButtons } from "@/components/dialog";
import { SelectField, TextField } from "@/components/field";
import { showSecret } from "@/components/secret";
import { roleHints, roles, users as w } from "@/strings/access";
import { linkSecret } from "./parts";
import { ROLES } from "./roles";
import { useAccessAction } from "./use-access-action";

interface Props {
  kind: "person" | "service" | null;
  onClose: () => void;
}

export function InviteDialog({ kind, onClose }: Props) {
  const isPerson = kind !== "service";
  return (
    <Dialog
      open={kind !== null}
      onOpenChange={(open) => (open ? undefined : onClose())}
      title={isPerson ? w.invite : w.service}
      description={isPerson ? w.inviteHint : w.serviceHint}
    >
      {kind ? <Form kind={kind} onClose={onClose} /> : null}
    </Dialog>
  );
}

function Form({ kind, onClose }: Props & { kind: "person" | "service" }) {
  const teams = useQuery(teamsQuery).data ?? [];
  const [username, setUsername] = useState("");
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("member");
  const [team, setTeam] = useState("");
  const { busy, attempt } = useAccessAction(
    accessKeys.users,
    accessKeys.teams,
    accessKeys.invitations,
  );
  const isPerson = kind === "person";

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const common = { username: username.trim(), role, team_ids: team ? [team] : [] };
    if (isPerson) {
      const body = { ...common, email: email.trim() || null };
      const issued = await attempt(() => data(createInvitation({ body })));
      if (!issued) return;
      onClose();
      showSecret(linkSecret(issued));
      return;
    }
    const made = await attempt(() => data(createUser({ body: { ...common, kind } })));
    if (!made) return;
    onClose();
    toast(w.made(made.username));
  };

  return (
    <form className="space-y-3" onSubmit={(event) => void submit(event)}>
      <TextField
        label={w.name}
        hint={w.nameHint}
        required
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        pattern="[a-z0-9]([a-z0-9._@\-]{0,62}[a-z0-9])?"
        value={username}
        onChange={(event) => setUsername(event.target.value)}
      />
      {isPerson ? (
        <TextField
          label={w.email}
          type="email"
          autoComplete="off"
          value={email}
          onChange={(event) => setEmail(event.target.value)}
        />
      ) : null}
      <SelectField
        label={w.role}
        hint={roleHints[role]}
        value={role}
        onChange={(event) => setRole(event.target.value as Role)}
      >
        {ROLES.map((each) => (
          <option key={each} value={each}>
            {roles[each]}
          </option>
        ))}
      </SelectField>
      {teams.length > 0 ? (
        <SelectField label={w.team} value={team} onChange={(event) => setTeam(event.target.value)}>
          <option value="">{w.noTeam}</option>
          {teams.map((each) => (
            <option key={each.id} value={each.id}>
              {each.name}
            </option>
          ))}
        </SelectField>
      ) : null}
      <FormButtons
        submit={isPerson ? w.submitInvite : w.submitService}
        disabled={busy}
        onCancel={onClose}
      />
    </form>
  );
}
