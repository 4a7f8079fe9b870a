/** Who is told of alerts: whether it works, trying it, adding and removing. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { receiversQuery } from "@/api/alerts";
import { data } from "@/api/client";
import { changeReceiver, deleteReceiver, type Receiver, testReceiver } from "@/api/gen";
import { useMay } from "@/api/rights";
import { Button } from "@/components/button";
import { Card } from "@/components/card";
import { Chip, Tag } from "@/components/chip";
import { ConfirmDialog } from "@/components/dialog";
import type { Tone } from "@/components/format";
import { ErrorCard, Lost, SkeletonRows } from "@/components/states";
import { receiverWords as w } from "@/strings/alerts";
import { ReceiverDialog } from "./receiver-dialog";
import { useAlertAction } from "./use-alert-action";

function stateOf(one: Receiver): { tone: Tone; words: string } {
  if (!one.is_enabled) return { tone: "idle", words: w.off };
  if (one.last_error) return { tone: "failed", words: w.fails };
  return one.delivered_at ? { tone: "ready", words: w.works } : { tone: "idle", words: w.untried };
}

function Row({ one, mayChange }: { one: Receiver; mayChange: boolean }) {
  const [removing, setRemoving] = useState(false);
  const [changing, setChanging] = useState(false);
  const { busy, attempt } = useAlertAction();
  const path = { receiver_id: one.id };
  const { tone, words } = stateOf(one);
  const turn = () => data(changeReceiver({ path, body: { is_enabled: !one.is_enabled } }));
  const remove = () => attempt(() => data<unknown>(deleteReceiver({ path })), w.removed(one.name));
  const turned = one.is_enabled ? w.turnedOff(one.name) : w.turnedOn(one.name);
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1.5 border-t border-line px-4 py-2.5">
      <span className="font-[520]">{one.name}</span>
      <Chip tone={tone}>{words}</Chip>
      <span className="min-w-0 text-muted [overflow-wrap:anywhere]">{one.target}</span>
      <Tag>{w.leasts[one.least_severity]}</Tag>
      {one.is_signed ? <Tag>{w.signed}</Tag> : null}
      {one.waiting ? <span className="text-small text-muted">{w.waiting(one.waiting)}</span> : null}
      {mayChange ? (
        <span className="ml-auto flex flex-wrap gap-2">
          <Button
            size="small"
            disabled={busy}
            onClick={() => void attempt(() => data(testReceiver({ path })), w.tested(one.name))}
          >
            {w.test}
          </Button>
          <Button size="small" disabled={busy} onClick={() => void attempt(turn, turned)}>
            {one.is_enabled ? w.turnOff : w.turnOn}
          </Button>
          <Button size="small" disabled={busy} onClick={() => setChanging(true)}>
            {w.change}
          </Button>
          <Button size="small" kind="danger" disabled={busy} onClick={() => setRemoving(true)}>
            {w.remove}
          </Button>
        </span>
      ) : null}
      {one.last_error ? (
        <p className="w-full text-small break-words text-failed-text">{one.last_error}</p>
      ) : null}
      {changing ? <ReceiverDialog known={one} onClose={() => setChanging(false)} /> : null}
      <ConfirmDialog
        open={removing}
        onOpenChange={setRemoving}
        title={w.removeTitle(one.name)}
        why={w.removeWhy}
        verb={w.remove}
        danger
        onConfirm={() => void remove()}
      />
    </li>
  );
}

export function Receivers() {
  const maySee = useMay("operate");
  const mayChange = useMay("administer");
  const query = useQuery({ ...receiversQuery, enabled: maySee });
  const [adding, setAdding] = useState(false);
  if (!maySee) return null;
  if (query.isError && !query.data)
    return <ErrorCard error={query.error} title={w.failed} onRetry={() => void query.refetch()} />;
  return (
    <Card label={w.title}>
      <div className="flex flex-wrap items-center gap-2 px-4 py-3">
        <h2>{w.title}</h2>
        <p className="text-muted">{w.lead}</p>
        {mayChange ? (
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
            <Row key={one.id} one={one} mayChange={mayChange} />
          ))}
        </ul>
      )}
      {adding ? <ReceiverDialog known={null} onClose={() => setAdding(false)} /> : null}
    </Card>
  );
}
