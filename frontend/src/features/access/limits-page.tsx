/** Limits of the installation, teams, users, keys and models, in one list. */

import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { toast } from "sonner";
import { accessKeys, keysQuery, limitsQuery, teamsQuery, usersQuery } from "@/api/access";
import { data } from "@/api/client";
import {
  type Limits,
  type Policy,
  removeInstallationLimits,
  removeLimits,
  setInstallationLimits,
  setLimits,
} from "@/api/gen";
import { deploymentsQuery } from "@/api/queries";
import { Button } from "@/components/button";
import { Tag } from "@/components/chip";
import { FormButtons, FormDialog } from "@/components/dialog";
import { SelectField } from "@/components/field";
import { limits as w } from "@/strings/access";
import { LimitFields } from "./limit-fields";
import { limitsOf, limitWords, textsOf } from "./limit-values";
import { cell, ListPage, RowMenu, Table } from "./parts";
import { useRole } from "./roles";
import { useAccessAction } from "./use-access-action";

type Scope = Policy["scope"];
const SCOPES = Object.keys(w.scopes) as Scope[];
const COLUMNS = [
  { label: w.scope },
  { label: w.subject },
  { label: w.title },
  { label: w.actions(""), quiet: true },
];

const nameOf = (policy: Policy): string =>
  policy.scope === "installation"
    ? w.scopes.installation
    : (policy.name ?? policy.subject ?? w.scopes[policy.scope]);

const save = (scope: Scope, subject: string, body: Limits) =>
  data(
    scope === "installation"
      ? setInstallationLimits({ body })
      : setLimits({ path: { scope, subject }, body }),
  );

/** Those that a limit can be set for, by scope: value and label. */
function useSubjects(scope: Scope): { value: string; label: string }[] {
  const teams = useQuery({ ...teamsQuery, enabled: scope === "team" }).data ?? [];
  const users = useQuery({ ...usersQuery, enabled: scope === "user" }).data ?? [];
  const keys = useQuery({ ...keysQuery, enabled: scope === "key" }).data ?? [];
  const models = useQuery({ ...deploymentsQuery, enabled: scope === "model" }).data ?? [];
  if (scope === "team") return teams.map(({ id, name }) => ({ value: id, label: name }));
  if (scope === "user") return users.map(({ id, username }) => ({ value: id, label: username }));
  if (scope === "model") return models.map(({ name }) => ({ value: name, label: name }));
  if (scope === "installation") return [];
  return keys
    .filter(({ state }) => state === "active" || state === "replaced")
    .map(({ id, name, owner }) => ({ value: id, label: `${name} · ${owner.username}` }));
}

function Form({ known, onClose }: { known: Policy | null; onClose: () => void }) {
  const [scope, setScope] = useState<Scope>(known?.scope ?? "installation");
  const [subject, setSubject] = useState(known?.subject ?? "");
  const [texts, setTexts] = useState(textsOf(known?.limits ?? {}));
  const subjects = useSubjects(scope);
  const { busy, attempt } = useAccessAction(accessKeys.limits, accessKeys.keys);
  const figures = limitsOf(texts);
  const isNamed = scope === "installation" || subject !== "";
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!figures || !(await attempt(() => save(scope, subject, figures)))) return;
    onClose();
    toast(w.saved);
  };
  return (
    <form className="space-y-3" onSubmit={(event) => void submit(event)}>
      {known ? null : (
        <div className="grid gap-2 sm:grid-cols-2">
          <SelectField
            label={w.scope}
            value={scope}
            onChange={(event) => {
              setScope(event.target.value as Scope);
              setSubject("");
            }}
          >
            {SCOPES.map((each) => (
              <option key={each} value={each}>
                {w.scopes[each]}
              </option>
            ))}
          </SelectField>
          {scope === "installation" ? null : (
            <SelectField
              label={w.subject}
              required
              value={subject}
              onChange={(event) => setSubject(event.target.value)}
            >
              <option value="">–</option>
              {subjects.map(({ value, label }) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </SelectField>
          )}
        </div>
      )}
      <LimitFields texts={texts} onTexts={setTexts} />
      <FormButtons submit={w.submit} disabled={busy || !figures || !isNamed} onCancel={onClose} />
    </form>
  );
}

function Row({ policy, onChange }: { policy: Policy; onChange: (() => void) | null }) {
  const { attempt } = useAccessAction(accessKeys.limits, accessKeys.keys);
  const { scope, subject } = policy;
  const remove = async () => {
    const gone = await attempt(async () => {
      await data<unknown>(
        scope === "installation"
          ? removeInstallationLimits()
          : removeLimits({ path: { scope, subject: subject ?? "" } }),
      );
      return true;
    });
    if (gone) toast(w.removed);
  };
  return (
    <tr>
      <td className={cell(undefined, "text-muted")}>{w.scopes[scope]}</td>
      <td className={cell(undefined, "font-[520] break-all")}>{nameOf(policy)}</td>
      <td className={cell()}>
        <span className="flex flex-wrap gap-1">
          {limitWords(policy.limits).map((words) => (
            <Tag key={words}>{words}</Tag>
          ))}
        </span>
      </td>
      <td className={cell(undefined, "text-right")}>
        {onChange ? (
          <RowMenu
            label={w.actions(nameOf(policy))}
            change={w.change}
            onChange={onChange}
            remove={{
              verb: w.remove,
              title: w.removeTitle(nameOf(policy)),
              why: w.removeWhy,
              run: () => void remove(),
            }}
          />
        ) : null}
      </td>
    </tr>
  );
}

export function LimitsPage() {
  const query = useQuery(limitsQuery);
  const maySet = useRole() === "administrator";
  const [editing, setEditing] = useState<Policy | "new" | null>(null);
  const known = editing === "new" ? null : editing;
  const set = maySet ? (
    <Button kind="primary" onClick={() => setEditing("new")}>
      {w.set}
    </Button>
  ) : null;
  return (
    <>
      <ListPage
        title={w.title}
        lead={w.lead}
        query={query}
        failed={w.failed}
        actions={set}
        empty={{ title: w.emptyTitle, why: w.emptyWhy }}
      >
        {(items) => (
          <Table columns={COLUMNS}>
            {items.map((policy) => (
              <Row
                key={`${policy.scope} ${policy.subject}`}
                policy={policy}
                onChange={maySet ? () => setEditing(policy) : null}
              />
            ))}
          </Table>
        )}
      </ListPage>
      <FormDialog
        title={editing === null ? null : known ? w.changeTitle(nameOf(known)) : w.setTitle}
        onClose={() => setEditing(null)}
      >
        <Form known={known} onClose={() => setEditing(null)} />
      </FormDialog>
    </>
  );
}
