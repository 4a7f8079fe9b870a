/** One config: what it says, who uses it, its versions, and what can be done with it. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { toast } from "sonner";
import { data } from "@/api/client";
import { configKeys, configQuery } from "@/api/configs";
import { type Config, cloneConfig, deleteConfig, type Recipe, saveConfig } from "@/api/gen";
import { isNotFound } from "@/api/problem";
import { useMay } from "@/api/rights";
import { Button, buttonClass } from "@/components/button";
import { Card, PageHead } from "@/components/card";
import { Tag } from "@/components/chip";
import { CodeTabs } from "@/components/copy";
import { Dialog, FormButtons } from "@/components/dialog";
import { TextField } from "@/components/field";
import { Menu } from "@/components/menu";
import { Empty, ErrorCard, SkeletonRows, StaleNote } from "@/components/states";
import { t } from "@/strings";
import { c } from "@/strings/configs";
import { EditForm } from "./edit-form";
import { save } from "./save-file";
import { useConfigAction } from "./use-config-action";
import { Versions } from "./versions";

/** The recipe without what is empty or the usual. */
export function plainRecipe(recipe: Recipe): Record<string, unknown> {
  const isEmpty = (value: unknown) =>
    value == null ||
    (Array.isArray(value) && value.length === 0) ||
    (typeof value === "object" && Object.keys(value).length === 0);
  const plain = (value: unknown): unknown =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? Object.fromEntries(
          Object.entries(value)
            .filter(([, inner]) => !isEmpty(inner))
            .map(([key, inner]) => [key, plain(inner)]),
        )
      : value;
  return plain(recipe) as Record<string, unknown>;
}

function CloneDialog({
  name,
  open,
  onOpenChange,
}: {
  name: string;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}) {
  const [copy, setCopy] = useState("");
  const { busy, attempt } = useConfigAction();
  const navigate = useNavigate();
  const clone = async () => {
    const made = await attempt(() =>
      data(cloneConfig({ path: { name }, body: { name: copy.trim() } })),
    );
    if (!made) return;
    onOpenChange(false);
    toast(c.cloned(made.name));
    await navigate({ to: "/configs/$name", params: { name: made.name } });
  };
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={c.cloneTitle(name)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void clone();
        }}
      >
        <TextField
          label={c.cloneName}
          value={copy}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => setCopy(event.target.value)}
        />
        <FormButtons
          submit={c.clone}
          disabled={busy || !copy.trim()}
          onCancel={() => onOpenChange(false)}
        />
      </form>
    </Dialog>
  );
}

function RemoveDialog({
  name,
  open,
  onOpenChange,
}: {
  name: string;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}) {
  const { busy, attempt } = useConfigAction();
  const navigate = useNavigate();
  const remove = async () => {
    const done = await attempt(() => data(deleteConfig({ path: { name } })).then(() => true));
    onOpenChange(false);
    if (!done) return;
    toast(c.removed(name));
    await navigate({ to: "/configs" });
  };
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title={c.removeTitle(name)}
      description={c.removeWhy}
    >
      <div className="flex justify-end gap-2">
        <Button onClick={() => onOpenChange(false)}>{t.words.cancel}</Button>
        <Button kind="danger" disabled={busy} onClick={() => void remove()}>
          {c.remove}
        </Button>
      </div>
    </Dialog>
  );
}

function Actions({ config, onEdit }: { config: Config; onEdit: () => void }) {
  const [dialog, setDialog] = useState<"clone" | "remove" | null>(null);
  const { name } = config;
  const mayOperate = useMay("operate");
  const keep = () => save(`/api/v1/configs/${name}/export`, `${name}.json`);
  if (!mayOperate) return <Button onClick={keep}>{c.export}</Button>;
  const items = [
    { label: c.clone, onSelect: () => setDialog("clone") },
    { label: c.export, onSelect: keep },
    { label: c.remove, onSelect: () => setDialog("remove"), danger: true },
  ];
  return (
    <>
      <Menu trigger={<Button>{t.words.more}</Button>} items={items} />
      <Button onClick={onEdit}>{c.edit}</Button>
      <Link to="/deployments/new" search={{ config: name }} className={buttonClass("primary")}>
        {c.deploy}
      </Link>
      <CloneDialog
        name={name}
        open={dialog === "clone"}
        onOpenChange={(open) => setDialog(open ? "clone" : null)}
      />
      <RemoveDialog
        name={name}
        open={dialog === "remove"}
        onOpenChange={(open) => setDialog(open ? "remove" : null)}
      />
    </>
  );
}

function Loaded({ config }: { config: Config }) {
  const [editing, setEditing] = useState(false);
  const client = useQueryClient();
  const keep = async (name: string, recipe: Recipe, message: string | null) => {
    const { config: saved, changed } = await data(
      saveConfig({ path: { name }, body: { recipe, message, expected_version: config.version } }),
    );
    await client.invalidateQueries({ queryKey: configKeys.all });
    toast(changed ? c.saved(name, saved.version) : c.unchanged);
    setEditing(false);
  };
  if (editing)
    return (
      <>
        <PageHead title={c.editTitle(config.name)} />
        <EditForm
          name={config.name}
          base={config.recipe}
          onSave={keep}
          onCancel={() => setEditing(false)}
        />
      </>
    );
  return (
    <>
      <PageHead
        title={config.name}
        lead={<Tag>{c.version(config.version)}</Tag>}
        actions={<Actions config={config} onEdit={() => setEditing(true)} />}
        below={
          <p className="text-muted">
            {config.description ? `${config.description} · ` : ""}
            {c.columns.usedBy}:{" "}
            {config.used_by.length === 0
              ? c.nobody
              : config.used_by.map((name, n) => (
                  <span key={name}>
                    {n > 0 ? ", " : ""}
                    <Link to="/deployments/$name" params={{ name }} className="underline">
                      {name}
                    </Link>
                  </span>
                ))}
          </p>
        }
      />
      <StaleNote />
      <Card label={c.recipe} className="p-4">
        <CodeTabs
          note={c.recipe}
          tabs={[{ name: "JSON", text: JSON.stringify(plainRecipe(config.recipe), null, 2) }]}
        />
      </Card>
      <Versions config={config} />
    </>
  );
}

export function ConfigPage({ name }: { name: string }) {
  const query = useQuery(configQuery(name));
  if (query.error && isNotFound(query.error))
    return (
      <Card>
        <Empty
          title={c.missing(name)}
          why={c.missingWhy}
          action={
            <Link to="/configs" className={buttonClass()}>
              {c.back}
            </Link>
          }
        />
      </Card>
    );
  if (query.data) return <Loaded config={query.data} />;
  if (query.isError) return <ErrorCard error={query.error} onRetry={() => void query.refetch()} />;
  return (
    <Card>
      <SkeletonRows rows={5} />
    </Card>
  );
}
