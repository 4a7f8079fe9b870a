/** Who is told of alerts: whether it works, trying it, adding and removing. */

import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { receiversQuery } from "@/api/alerts";
import { data } from "@/api/client";
import {
  type Alert,
  changeReceiver,
  createReceiver,
  deleteReceiver,
  type Receiver,
  testReceiver,
} from "@/api/gen";
import { Button } from "@/components/button";
import { Card } from "@/components/card";
import { Chip, Tag } from "@/components/chip";
import { Dialog } from "@/components/dialog";
import { SelectField, TextField } from "@/components/field";
import type { Tone } from "@/components/format";
import { ErrorCard, Lost, SkeletonRows } from "@/components/states";
import { t } from "@/strings";
import { receiverWords as w } from "@/strings/alerts";
import { useMay } from "./may";
import { useAlertAction } from "./use-alert-action";

function AddDialog({ onClose }: { onClose: () => void }) {
  const [kind, setKind] = useState<Receiver["kind"]>("webhook");
  const [least, setLeast] = useState<Alert["severity"]>("warning");
  const [name, setName] = useState("");
  const [target, setTarget] = useState("");
  const [secret, setSecret] = useState("");
  const { busy, attempt } = useAlertAction();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const signs = kind === "webhook" && secret !== "";
    const body = {
      name: name.trim(),
      kind,
      target: target.trim(),
      secret: signs ? secret : null,
      least_severity: least,
    };
    if (await attempt(() => data(createReceiver({ body })), w.added(body.name))) onClose();
  };
  return (
    <Dialog open onOpenChange={(next) => (next ? undefined : onClose())} title={w.add}>
      <form onSubmit={(event) => void submit(event)} className="space-y-3">
        <div className="grid grid-cols-2 gap-3">
          <TextField
            label={w.name}
            hint={w.nameHint}
            required
            autoComplete="off"
            pattern="[a-z0-9]([a-z0-9\-]{0,61}[a-z0-9])?"
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
          <SelectField
            label={w.kind}
            value={kind}
            onChange={(event) => setKind(event.target.value as Receiver["kind"])}
          >
            <option value="webhook">{w.kinds.webhook}</option>
            <option value="email">{w.kinds.email}</option>
          </SelectField>
        </div>
        <TextField
          label={w.target[kind]}
          hint={kind === "webhook" ? w.targetHint : undefined}
          type={kind === "email" ? "email" : "url"}
          required
          value={target}
          onChange={(event) => setTarget(event.target.value)}
        />
        {kind === "webhook" ? (
          <TextField
            label={w.secret}
            type="password"
            autoComplete="new-password"
            minLength={16}
            value={secret}
            onChange={(event) => setSecret(event.target.value)}
          />
        ) : null}
        <SelectField
          label={w.least}
          value={least}
          onChange={(event) => setLeast(event.target.value as Alert["severity"])}
        >
          {(["critical", "warning", "info"] as const).map((severity) => (
            <option key={severity} value={severity}>
              {w.leasts[severity]}
            </option>
          ))}
        </SelectField>
        <div className="flex justify-end gap-2 pt-1">
          <Button onClick={onClose}>{t.words.cancel}</Button>
          <Button kind="primary" type="submit" disabled={busy}>
            {w.add}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function stateOf(one: Receiver): { tone: Tone; words: string } {
  if (!one.is_enabled) return { tone: "idle", words: w.off };
  if (one.last_error) return { tone: "failed", words: w.fails };
  return one.delivered_at ? { tone: "ready", words: w.works } : { tone: "idle", words: w.untried };
}

function Row({ one, mayChange }: { one: Receiver; mayChange: boolean }) {
  const [removing, setRemoving] = useState(false);
  const { busy, attempt } = useAlertAction();
  const path = { receiver_id: one.id };
  const { tone, words } = stateOf(one);
  const turn = () => data(changeReceiver({ path, body: { is_enabled: !one.is_enabled } }));
  const remove = async () => {
    setRemoving(false);
    await attempt(() => data<unknown>(deleteReceiver({ path })), w.removed(one.name));
  };
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1.5 border-t border-line px-4 py-2.5">
      <span className="font-[520]">{one.name}</span>
      <Chip tone={tone}>{words}</Chip>
      <span className="min-w-0 text-muted [overflow-wrap:anywhere]">{one.target}</span>
      <Tag>{w.leasts[one.least_severity]}</Tag>
      {one.is_signed ? <Tag>{w.signed}</Tag> : null}
      {one.waiting ? <span className="text-small text-muted">{w.waiting(one.waiting)}</span> : null}
      {mayChange ? (
        <span className="ml-auto flex gap-2">
          <Button
            size="small"
            disabled={busy}
            onClick={() => void attempt(() => data(testReceiver({ path })), w.tested(one.name))}
          >
            {w.test}
          </Button>
          <Button size="small" disabled={busy} onClick={() => void attempt(turn, one.name)}>
            {one.is_enabled ? w.turnOff : w.turnOn}
          </Button>
          <Button size="small" kind="danger" disabled={busy} onClick={() => setRemoving(true)}>
            {w.remove}
          </Button>
        </span>
      ) : null}
      {one.last_error ? (
        <p className="w-full text-small break-words text-failed-text">{one.last_error}</p>
      ) : null}
      <Dialog
        open={removing}
        onOpenChange={setRemoving}
        title={w.removeTitle(one.name)}
        description={w.removeWhy}
      >
        <div className="flex justify-end gap-2">
          <Button onClick={() => setRemoving(false)}>{t.words.cancel}</Button>
          <Button kind="danger" onClick={() => void remove()}>
            {w.remove}
          </Button>
        </div>
      </Dialog>
    </li>
  );
}

export function Receivers() {
  const may = useMay();
  const query = useQuery({ ...receiversQuery, enabled: may.see });
  const [adding, setAdding] = useState(false);
  if (!may.see) return null;
  if (query.isError && !query.data)
    return <ErrorCard error={query.error} title={w.failed} onRetry={() => void query.refetch()} />;
  return (
    <Card label={w.title}>
      <div className="flex flex-wrap items-center gap-2 px-4 py-3">
        <h2>{w.title}</h2>
        <p className="text-muted">{w.lead}</p>
        {may.tell ? (
          <Button size="small" kind="primary" className="ml-auto" onClick={() => setAdding(true)}>
            {w.add}
          </Button>
        ) : null}
      </div>
      <Lost query={query} />
      {!query.data ? (
        <SkeletonRows rows={2} />
      ) : query.data.length === 0 ? (
        <p className="border-t border-line px-4 py-3 text-muted">{w.none}</p>
      ) : (
        <ul>
          {query.data.map((one) => (
            <Row key={one.id} one={one} mayChange={may.tell} />
          ))}
        </ul>
      )}
      {adding ? <AddDialog onClose={() => setAdding(false)} /> : null}
    </Card>
  );
}
