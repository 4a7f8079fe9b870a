/** The library: models on disk, who uses them, and what can be done with them. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { toast } from "sonner";
import { data } from "@/api/client";
import { adoptModel, deleteModel, importModel, type LibraryModel, verifyModel } from "@/api/gen";
import { adoptableQuery, libraryQuery } from "@/api/models";
import { Ago } from "@/components/ago";
import { Button, buttonClass } from "@/components/button";
import { Card, PageHead } from "@/components/card";
import { Chip, Tag } from "@/components/chip";
import { Dialog, FormButtons } from "@/components/dialog";
import { TextField } from "@/components/field";
import { bytes, type Tone } from "@/components/format";
import { Allowed } from "@/components/restricted";
import { Empty, ErrorCard, Lost, SkeletonRows, StaleNote } from "@/components/states";
import { usePolling } from "@/realtime/provider";
import { t } from "@/strings";
import { m } from "@/strings/models";
import { useModelAction } from "./use-model-action";

const w = m.library;
const TONES: Record<LibraryModel["state"], Tone> = {
  complete: "ready",
  partial: "warning",
  broken: "failed",
};

/** What can be deleted, what frees most first. */
function removable(models: readonly LibraryModel[]): LibraryModel[] {
  return models
    .filter((model) => model.used_by.length === 0)
    .sort((a, b) => b.freed_bytes - a.freed_bytes);
}

function RemoveDialog({
  model,
  open,
  onOpenChange,
}: {
  model: LibraryModel;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}) {
  const { busy, attempt } = useModelAction();
  const remove = async () => {
    onOpenChange(false);
    const done = await attempt(w.refused(model.repo), () =>
      data(deleteModel({ path: { model_id: model.id } })),
    );
    if (done) toast(w.removed(model.repo));
  };
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title={w.removeTitle(model.repo)}
      description={w.removeWhy(bytes(model.freed_bytes))}
    >
      <div className="flex justify-end gap-2">
        <Button onClick={() => onOpenChange(false)}>{t.words.cancel}</Button>
        <Button kind="danger" disabled={busy} onClick={() => void remove()}>
          {w.remove}
        </Button>
      </div>
    </Dialog>
  );
}

function Item({ model }: { model: LibraryModel }) {
  const [removing, setRemoving] = useState(false);
  const { busy, attempt } = useModelAction();
  const used = model.used_by.length > 0;
  const verify = async () => {
    const done = await attempt(w.refused(model.repo), () =>
      data(verifyModel({ path: { model_id: model.id } })),
    );
    if (done) toast(w.verifying(model.repo));
  };
  return (
    <li className="border-t border-line px-4 py-3 first:border-t-0">
      <div className="flex flex-wrap items-center gap-2">
        <span className="min-w-0 font-[520] break-all">{model.repo}</span>
        {model.revisions.map((name) => (
          <Tag key={name}>{name}</Tag>
        ))}
        <Chip tone={TONES[model.state]}>{w.states[model.state]}</Chip>
        <Allowed right="operate">
          <span className="ml-auto flex gap-2">
            {model.state === "complete" ? (
              <Link
                to="/deployments/new"
                search={{ model: model.repo }}
                className={buttonClass("plain", "small")}
              >
                {w.deploy}
              </Link>
            ) : null}
            <Button size="small" disabled={busy} onClick={() => void verify()}>
              {w.verify}
            </Button>
            <Button size="small" disabled={busy || used} onClick={() => setRemoving(true)}>
              {w.remove}
            </Button>
          </span>
        </Allowed>
      </div>
      <p className="mt-0.5 text-small text-muted">
        {bytes(model.size_bytes)} · {w.columns.usedBy}: {used ? model.used_by.join(", ") : "–"} ·{" "}
        {w.columns.lastUsed}: {model.last_used_at ? <Ago at={model.last_used_at} /> : w.never} ·{" "}
        <span className="font-mono">{model.commit?.slice(0, 12) ?? "–"}</span>
      </p>
      {used ? <p className="text-small text-muted">{w.inUse(model.used_by.join(", "))}</p> : null}
      {model.reasons.map((reason) => (
        <p key={reason} className="text-small break-words text-failed-text">
          {reason}
        </p>
      ))}
      <RemoveDialog model={model} open={removing} onOpenChange={setRemoving} />
    </li>
  );
}

function Adoptable() {
  const query = useQuery(adoptableQuery);
  const found = query.data ?? [];
  const { busy, attempt } = useModelAction();
  const open = found.filter((one) => !one.is_adopted && one.state === "complete");
  if (query.isError && !query.data)
    return (
      <div className="mt-3">
        <ErrorCard error={query.error} title={w.adoptFailed} onRetry={() => void query.refetch()} />
      </div>
    );
  if (open.length === 0) return null;
  const adopt = async (repo: string, commit: string | null) => {
    const done = await attempt(w.refused(repo), () => data(adoptModel({ body: { repo, commit } })));
    if (done) toast(w.adopting(repo));
  };
  return (
    <Card label={w.adopt} className="mt-3">
      <h2 className="px-4 pt-3.5">{w.adopt}</h2>
      <p className="px-4 pb-2 text-small text-muted">{w.adoptWhy}</p>
      <ul>
        {open.map((one) => (
          <li
            key={one.folder}
            className="flex flex-wrap items-center gap-2 border-t border-line px-4 py-2"
          >
            <span className="min-w-0 break-all">{one.repo}</span>
            <span className="text-small text-muted">
              {bytes(one.size_bytes)} · {w.how[one.how]}
            </span>
            <Allowed right="operate">
              <Button
                size="small"
                className="ml-auto"
                disabled={busy}
                onClick={() => void adopt(one.repo, one.commit)}
              >
                {w.adoptOne}
              </Button>
            </Allowed>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function ImportDialog({
  open,
  onOpenChange,
}: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}) {
  const [name, setName] = useState("");
  const [path, setPath] = useState("");
  const { busy, attempt } = useModelAction();
  const take = async () => {
    const done = await attempt(w.refused(`local/${name}`), () =>
      data(importModel({ body: { name: name.trim(), path: path.trim() } })),
    );
    if (!done) return;
    toast(w.importing(name.trim()));
    onOpenChange(false);
  };
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={w.import} description={w.importHint}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          void take();
        }}
      >
        <TextField
          label={w.importName}
          value={name}
          autoComplete="off"
          onChange={(event) => setName(event.target.value)}
        />
        <TextField
          label={w.importPath}
          value={path}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => setPath(event.target.value)}
        />
        <FormButtons
          submit={w.import}
          disabled={busy || !name.trim() || !path.trim()}
          onCancel={() => onOpenChange(false)}
        />
      </form>
    </Dialog>
  );
}

interface Props {
  /** Only what can be deleted, what frees most first. */
  unused: boolean;
  onUnused: (unused: boolean) => void;
}

export function LibraryPage({ unused, onUnused }: Props) {
  const query = useQuery({ ...libraryQuery, refetchInterval: usePolling() });
  const [importing, setImporting] = useState(false);
  const all = query.data ?? [];
  const shown = unused ? removable(all) : all;
  const total = query.data?.reduce((sum, model) => sum + model.freed_bytes, 0);
  return (
    <>
      <PageHead
        title={w.title}
        lead={total ? <Tag>{w.total(bytes(total))}</Tag> : undefined}
        actions={
          <>
            <Allowed right="operate">
              <Button onClick={() => setImporting(true)}>{w.import}</Button>
            </Allowed>
            <Link to="/models" className={buttonClass("primary")}>
              {m.downloads.find}
            </Link>
          </>
        }
        below={<p className="text-muted">{w.lead}</p>}
      />
      <StaleNote />
      <Lost query={query} />
      <ImportDialog open={importing} onOpenChange={setImporting} />
      {query.data ? (
        <Card>
          {all.length === 0 ? (
            <Empty title={w.emptyTitle} why={w.emptyWhy} />
          ) : (
            <>
              <label className="flex items-center gap-2 px-4 py-2.5">
                <input
                  type="checkbox"
                  checked={unused}
                  onChange={(event) => onUnused(event.target.checked)}
                  className="size-3.5 accent-accent"
                />
                {w.unused}
              </label>
              {shown.length === 0 ? (
                <Empty title={w.allUsed} why={w.allUsedWhy} />
              ) : (
                <ul className="border-t border-line">
                  {shown.map((model) => (
                    <Item key={model.id} model={model} />
                  ))}
                </ul>
              )}
            </>
          )}
        </Card>
      ) : query.isError ? (
        <ErrorCard error={query.error} title={w.failed} onRetry={() => void query.refetch()} />
      ) : (
        <Card>
          <SkeletonRows rows={3} />
        </Card>
      )}
      <Adoptable />
    </>
  );
}
