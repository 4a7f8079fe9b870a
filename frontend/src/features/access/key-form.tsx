/** What a key is called, whose it is, and what it may do: for a new key and for a change. */

import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { accessKeys, teamsQuery, usersQuery } from "@/api/access";
import { data } from "@/api/client";
import { changeKey, createKey, type KeyView, type NewKey } from "@/api/gen";
import { meQuery } from "@/api/queries";
import { FormButtons } from "@/components/dialog";
import { SelectField, TextField } from "@/components/field";
import { keyWords as w } from "@/strings/access";
import { queueing } from "@/strings/queueing";
import { LimitFields } from "./limit-fields";
import { limitsOf, textsOf } from "./limit-values";
import { useAccessAction } from "./use-access-action";

/** `datetime-local` speaks the browser's own time, without a zone. */
function localTime(iso: string | null): string {
  if (!iso) return "";
  const at = new Date(iso);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function listOf(text: string): string[] | null {
  const parts = text
    .split(/[\s,]+/)
    .map((part) => part.trim())
    .filter((part) => part !== "");
  return parts.length > 0 ? parts : null;
}

/** What the server would say: a key that names models is for models only. */
export function managesByItself(models: string[] | null, known: KeyView | null): boolean {
  const same = JSON.stringify(models) === JSON.stringify(known?.models ?? null);
  return known && same ? known.management : models === null;
}

interface Props {
  known: KeyView | null;
  onClose: () => void;
  onMade: (made: NewKey) => void;
  onChanged: (changed: KeyView) => void;
}

function useDraft(known: KeyView | null) {
  const [name, setName] = useState(known?.name ?? "");
  const [owner, setOwner] = useState("");
  const [team, setTeam] = useState("");
  const [models, setModels] = useState(known?.models?.join(", ") ?? "");
  const [addresses, setAddresses] = useState(known?.addresses?.join(", ") ?? "");
  const [chosen, setManagement] = useState<boolean | null>(null);
  const [priority, setPriority] = useState(known?.priority ?? "normal");
  const [until, setUntil] = useState(localTime(known?.expires_at ?? null));
  const [texts, setTexts] = useState(textsOf(known?.limits ?? {}));
  const limits = limitsOf(texts);
  const management = chosen ?? managesByItself(listOf(models), known);
  const common = {
    name: name.trim(),
    models: listOf(models),
    addresses: listOf(addresses),
    management,
    priority,
    expires_at: until ? new Date(until).toISOString() : null,
  };
  return {
    fields: {
      ...{ name, owner, team, models, addresses, until, texts },
      management,
      priority,
    },
    set: {
      ...{ setName, setOwner, setTeam, setModels, setAddresses, setUntil, setTexts },
      setManagement,
      setPriority,
    },
    limits,
    common,
  };
}

function OwnerFields({ draft }: { draft: ReturnType<typeof useDraft> }) {
  const me = useQuery(meQuery).data;
  const isAdministrator = me?.user.role === "administrator";
  const users = useQuery({ ...usersQuery, enabled: isAdministrator }).data ?? [];
  const all = useQuery({ ...teamsQuery, enabled: isAdministrator }).data ?? [];
  const teams = isAdministrator ? all : (me?.teams ?? []);
  const { fields, set } = draft;
  return (
    <>
      {isAdministrator ? (
        <SelectField
          label={w.owner}
          value={fields.owner}
          onChange={(event) => set.setOwner(event.target.value)}
        >
          <option value="">{w.me}</option>
          {users
            .filter((user) => user.status !== "disabled" && user.id !== me?.user.id)
            .map((user) => (
              <option key={user.id} value={user.id}>
                {user.username}
              </option>
            ))}
        </SelectField>
      ) : null}
      {teams.length > 0 ? (
        <SelectField
          label={w.team}
          value={fields.team}
          onChange={(event) => set.setTeam(event.target.value)}
        >
          <option value="">{w.oldestTeam}</option>
          {teams.map((team) => (
            <option key={team.id} value={team.id}>
              {team.name}
            </option>
          ))}
        </SelectField>
      ) : null}
    </>
  );
}

function PriorityField({ draft }: { draft: ReturnType<typeof useDraft> }) {
  const role = useQuery(meQuery).data?.user.role;
  const mayRaise = role === "administrator" || role === "operator";
  const { priority } = draft.fields;
  const choices = (["low", "normal", "high"] as const).filter(
    (one) => one !== "high" || mayRaise || priority === "high",
  );
  return (
    <SelectField
      label={queueing.priority}
      hint={queueing.priorityHint}
      value={priority}
      onChange={(event) => draft.set.setPriority(event.target.value as KeyView["priority"])}
    >
      {choices.map((one) => (
        <option key={one} value={one}>
          {queueing.priorities[one]}
        </option>
      ))}
    </SelectField>
  );
}

function RuleFields({ draft }: { draft: ReturnType<typeof useDraft> }) {
  const { fields, set } = draft;
  return (
    <>
      <TextField
        label={w.models}
        hint={w.modelsHint}
        autoComplete="off"
        spellCheck={false}
        value={fields.models}
        onChange={(event) => set.setModels(event.target.value)}
      />
      <TextField
        label={w.addresses}
        hint={w.addressesHint}
        autoComplete="off"
        spellCheck={false}
        value={fields.addresses}
        onChange={(event) => set.setAddresses(event.target.value)}
      />
      <SelectField
        label={w.management}
        hint={w.managementHint}
        value={fields.management ? "all" : "models"}
        onChange={(event) => set.setManagement(event.target.value === "all")}
      >
        <option value="models">{w.modelsOnly}</option>
        <option value="all">{w.modelsAndApi}</option>
      </SelectField>
      <PriorityField draft={draft} />
      <TextField
        label={w.expires}
        hint={w.expiresHint}
        type="datetime-local"
        value={fields.until}
        onChange={(event) => set.setUntil(event.target.value)}
      />
      <fieldset>
        <legend className="mb-1 font-[520]">{w.limits}</legend>
        <p className="mb-2 text-small text-muted">{w.limitsHint}</p>
        <LimitFields texts={fields.texts} onTexts={set.setTexts} />
      </fieldset>
    </>
  );
}

export function KeyForm({ known, onClose, onMade, onChanged }: Props) {
  const draft = useDraft(known);
  const { busy, attempt } = useAccessAction(accessKeys.keys, accessKeys.limits);
  const { fields, set, limits, common } = draft;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!limits) return;
    const body = { ...common, limits };
    if (known) {
      const changed = await attempt(() => data(changeKey({ path: { key_id: known.id }, body })));
      if (changed) onChanged(changed);
      return;
    }
    const whose = { owner: fields.owner || null, team: fields.team || null };
    const made = await attempt(() => data(createKey({ body: { ...body, ...whose } })));
    if (made) onMade(made);
  };
  return (
    <form className="space-y-3" onSubmit={(event) => void submit(event)}>
      <TextField
        label={w.name}
        hint={w.nameHint}
        required
        maxLength={64}
        autoComplete="off"
        value={fields.name}
        onChange={(event) => set.setName(event.target.value)}
      />
      {known ? null : <OwnerFields draft={draft} />}
      <RuleFields draft={draft} />
      <FormButtons
        submit={known ? w.save : w.submit}
        disabled={busy || !limits}
        onCancel={onClose}
      />
    </form>
  );
}
