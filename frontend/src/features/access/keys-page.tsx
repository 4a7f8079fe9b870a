/** API keys: made, changed, replaced and revoked; the key itself is shown once. */

import { useQuery } from "@tanstack/react-query";
import { MoreHorizontal } from "lucide-react";
import { useState } from "react";
import { toast } from "sonner";
import { accessKeys, keysQuery } from "@/api/access";
import { data } from "@/api/client";
import { type KeyView, revokeKey } from "@/api/gen";
import { Ago } from "@/components/ago";
import { Button, IconButton } from "@/components/button";
import { Chip, Tag } from "@/components/chip";
import { ConfirmDialog, Dialog } from "@/components/dialog";
import { BareInput } from "@/components/field";
import { dateTime, type Tone } from "@/components/format";
import { keySecret, RotateDialog } from "@/components/key-rotation";
import { Menu } from "@/components/menu";
import { showSecret } from "@/components/secret";
import { access, keyWords as w } from "@/strings/access";
import { queueing } from "@/strings/queueing";
import { KeyForm } from "./key-form";
import { KeyUse } from "./key-use";
import { limitWords } from "./limit-values";
import { cell, ListPage, Table } from "./parts";
import { useRole } from "./roles";
import { useAccessAction } from "./use-access-action";

const TONES: Record<KeyView["state"], Tone> = {
  active: "ready",
  replaced: "warning",
  expired: "idle",
  revoked: "idle",
};

const COLUMNS = [
  { label: w.columns.name },
  { label: w.columns.owner, hide: "sm" as const },
  { label: w.columns.models, hide: "md" as const },
  { label: w.columns.used, hide: "lg" as const },
  { label: w.columns.expires, hide: "lg" as const },
  { label: w.columns.state },
  { label: w.actions(""), quiet: true },
];

interface RowProps {
  one: KeyView;
  mayChange: boolean;
  onChange: () => void;
}

const worksNow = (one: KeyView): boolean => one.state === "active" || one.state === "replaced";

function Actions({ one, mayChange, onChange }: RowProps) {
  const [asked, setAsked] = useState<"use" | "rotate" | "revoke" | null>(null);
  const { attempt } = useAccessAction(accessKeys.keys);
  const path = { key_id: one.id };
  const works = worksNow(one);
  const revoke = async () => {
    if (await attempt(() => data(revokeKey({ path })))) toast(w.revoked(one.name));
  };
  const items = [
    { label: w.useAndLimits, onSelect: () => setAsked("use") },
    ...(mayChange && one.state === "active"
      ? [
          { label: w.change, onSelect: onChange },
          { label: w.rotate, onSelect: () => setAsked("rotate") },
        ]
      : []),
    ...(works ? [{ label: w.revoke, danger: true, onSelect: () => setAsked("revoke") }] : []),
  ];
  const close = () => setAsked(null);
  return (
    <>
      <Menu
        trigger={
          <IconButton label={w.actions(one.name)}>
            <MoreHorizontal size={15} aria-hidden />
          </IconButton>
        }
        items={items}
      />
      {asked === "use" ? <KeyUse one={one} onClose={close} /> : null}
      {asked === "rotate" ? <RotateDialog one={one} onClose={close} /> : null}
      <ConfirmDialog
        open={asked === "revoke"}
        onOpenChange={close}
        title={w.revokeTitle(one.name)}
        why={w.revokeWhy}
        verb={w.revoke}
        danger
        onConfirm={() => void revoke()}
      />
    </>
  );
}

function Row(props: RowProps) {
  const { one } = props;
  const works = worksNow(one);
  return (
    <tr className={works ? "" : "text-muted"}>
      <td className={cell()}>
        <span className="block font-[520] break-all">{one.name}</span>
        <code className="font-mono text-small text-muted">{one.hint}</code>
        <span className="mt-0.5 flex flex-wrap gap-1">
          {one.management ? null : <Tag>{w.modelsOnly}</Tag>}
          {one.priority === "normal" ? null : <Tag>{queueing.tag(one.priority)}</Tag>}
          {limitWords(one.limits).map((words) => (
            <Tag key={words}>{words}</Tag>
          ))}
        </span>
      </td>
      <td className={cell("sm")}>
        {one.owner.username}
        {one.team ? <span className="block text-small text-muted">{one.team.name}</span> : null}
      </td>
      <td className={cell("md", "max-w-50")}>
        {one.models?.join(", ") ?? access.all}
        {one.addresses ? (
          <span className="block text-small text-muted">{one.addresses.join(", ")}</span>
        ) : null}
      </td>
      <td className={cell("lg", "whitespace-nowrap text-muted")}>
        {one.last_used_at ? <Ago at={one.last_used_at} /> : access.never}
      </td>
      <td className={cell("lg", "whitespace-nowrap text-muted")}>
        {one.expires_at ? dateTime(one.expires_at) : access.never}
      </td>
      <td className={cell()}>
        <Chip tone={TONES[one.state]}>{w.states[one.state]}</Chip>
      </td>
      <td className={cell(undefined, "text-right")}>
        <Actions {...props} />
      </td>
    </tr>
  );
}

export function KeysPage() {
  const query = useQuery(keysQuery);
  const role = useRole();
  const [wanted, setWanted] = useState("");
  const [editing, setEditing] = useState<KeyView | "new" | null>(null);
  const mayMake = role !== null && role !== "viewer";
  const text = wanted.trim().toLowerCase();
  const matches = (one: KeyView) =>
    `${one.name} ${one.owner.username} ${one.team?.name ?? ""}`.toLowerCase().includes(text);
  const create = mayMake ? (
    <Button kind="primary" onClick={() => setEditing("new")}>
      {w.create}
    </Button>
  ) : null;
  const known = editing === "new" ? null : editing;
  return (
    <>
      <ListPage
        title={w.title}
        lead={w.lead}
        query={query}
        failed={w.failed}
        actions={create}
        empty={{ title: w.emptyTitle, why: w.emptyWhy }}
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
            {items.filter(matches).map((one) => (
              <Row key={one.id} one={one} mayChange={mayMake} onChange={() => setEditing(one)} />
            ))}
          </Table>
        )}
      </ListPage>
      <Dialog
        open={editing !== null}
        onOpenChange={(open) => (open ? undefined : setEditing(null))}
        title={known ? w.changeTitle(known.name) : w.createTitle}
      >
        {editing ? (
          <KeyForm
            known={known}
            onClose={() => setEditing(null)}
            onMade={(made) => {
              setEditing(null);
              showSecret(keySecret(made));
            }}
            onChanged={(changed) => {
              setEditing(null);
              toast(w.saved(changed.name));
            }}
          />
        ) : null}
      </Dialog>
    </>
  );
}
