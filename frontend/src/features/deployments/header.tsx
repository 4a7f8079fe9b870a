/** A deployment's name, state, shape and what can be done to it. */

import { Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import type { DeploymentActions } from "@/api/actions";
import { verbsFor } from "@/api/actions";
import { useMay } from "@/api/rights";
import type { Deployment } from "@/api/types";
import { Button, buttonClass } from "@/components/button";
import { PageHead } from "@/components/card";
import { StateChip, Tag } from "@/components/chip";
import { DeleteDialog, Dialog, FormButtons } from "@/components/dialog";
import { TextField } from "@/components/field";
import { count } from "@/components/format";
import { useUnsure } from "@/components/states";
import { t } from "@/strings";

/** `mistralai/Mistral · 1 of 1 replica ready · tensor parallel 2 · context 32,768`. */
export function shapeOf(d: Deployment): string {
  const { resources, arguments: args, model, revision } = d.spec;
  const context = Number((args as Record<string, unknown> | undefined)?.max_model_len);
  const tensor = resources?.tensor_parallel_size ?? 1;
  const pipeline = resources?.pipeline_parallel_size ?? 1;
  return [
    revision ? `${model} @ ${revision.slice(0, 12)}` : model,
    t.detail.replicas(d.replicas_ready, d.replicas_desired),
    ...(tensor > 1 ? [t.detail.tensor(tensor)] : []),
    ...(pipeline > 1 ? [t.detail.pipeline(pipeline)] : []),
    ...(Number.isFinite(context) && context > 0 ? [t.detail.context(count(context))] : []),
  ].join(" · ");
}

interface ScaleProps {
  deployment: Deployment;
  onClose: () => void;
  actions: DeploymentActions;
}

function ScaleDialog({ deployment: d, onClose, actions }: ScaleProps) {
  const [replicas, setReplicas] = useState(String(d.replicas_desired));
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const change = { replicas: Number(replicas) };
    if (await actions.change(d.name, change, t.actions.scaleFailed(d.name))) onClose();
  };
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={t.detail.scaleTitle(d.name)}
      description={t.detail.scaleWhat}
    >
      <form onSubmit={submit}>
        <TextField
          label={t.detail.scaleLabel}
          type="number"
          min={1}
          max={64}
          required
          value={replicas}
          onChange={(event) => setReplicas(event.target.value)}
        />
        <FormButtons submit={t.actions.scale} disabled={actions.busy} onCancel={onClose} />
      </form>
    </Dialog>
  );
}

interface Props {
  deployment: Deployment;
  actions: DeploymentActions;
}

export function Header({ deployment: d, actions }: Props) {
  const [scaling, setScaling] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const navigate = useNavigate();
  const unsure = useUnsure();
  const mayOperate = useMay("operate");
  const mayAsk = useMay("ask");
  const verbs = mayOperate ? verbsFor(d) : [];
  const remove = async () => {
    if (await actions.act("delete", d.name)) await navigate({ to: "/deployments" });
  };
  return (
    <>
      <PageHead
        title={d.name}
        lead={
          <>
            <StateChip phase={d.phase} progress={d.progress} unsure={unsure} />
            <Tag>{t.detail.generation(d.generation)}</Tag>
          </>
        }
        actions={
          <>
            {d.phase === "ready" && mayAsk ? (
              <Link to="/playground" search={{ model: d.name }} className={buttonClass("primary")}>
                {t.actions.chat}
              </Link>
            ) : null}
            {mayOperate ? (
              <Button onClick={() => setScaling(true)} disabled={verbs.length === 0}>
                {t.actions.scale}
              </Button>
            ) : null}
            {verbs.map((verb) =>
              verb === "delete" ? (
                <Button key={verb} kind="danger" onClick={() => setDeleting(true)}>
                  {t.verbs.delete}
                </Button>
              ) : (
                <Button
                  key={verb}
                  kind={verb === "start" ? "primary" : "plain"}
                  disabled={actions.busy}
                  onClick={() => void actions.act(verb, d.name)}
                >
                  {t.verbs[verb]}
                </Button>
              ),
            )}
          </>
        }
        below={
          <>
            <p className="mt-1 break-words text-muted">{shapeOf(d)}</p>
            {d.reason && d.phase !== "ready" && d.reason !== d.last_error?.detail ? (
              <p className="break-words">{d.reason}</p>
            ) : null}
          </>
        }
      />
      {scaling ? (
        <ScaleDialog deployment={d} actions={actions} onClose={() => setScaling(false)} />
      ) : null}
      <DeleteDialog
        name={d.name}
        open={deleting}
        onOpenChange={setDeleting}
        onConfirm={() => void remove()}
      />
    </>
  );
}
