/** What a deployment was asked to be, to read, to copy and to change. */

import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { toast } from "sonner";
import { patchDeployment } from "@/api/actions";
import { keys } from "@/api/queries";
import type { Deployment, DeploymentSpec } from "@/api/types";
import { Button } from "@/components/button";
import { Card } from "@/components/card";
import { CodeTabs } from "@/components/copy";
import { Allowed } from "@/components/restricted";
import { fromSpec } from "@/components/spec/form-model";
import { asCli, asCurl, asJson } from "@/components/spec/same-request";
import { SpecForm } from "@/components/spec/spec-form";
import { t } from "@/strings";
import { c } from "@/strings/configs";
import { MemoryCard } from "./memory-card";

const NOBODY: ReadonlySet<string> = new Set();

export function ConfigTab({ deployment: d }: { deployment: Deployment }) {
  const [editing, setEditing] = useState(false);
  const client = useQueryClient();
  const save = async (
    { name, start: _, engine: __, config: ___, ...change }: DeploymentSpec,
    force: boolean,
  ) => {
    const changed = await patchDeployment(name, force ? { ...change, force } : change);
    client.setQueryData(keys.deployment(name), changed);
    toast(changed.stale ? t.config.saved(name) : t.config.savedNow(name));
    setEditing(false);
  };
  if (editing) {
    return (
      <SpecForm
        initial={fromSpec(d.spec)}
        taken={NOBODY}
        fixedName
        submitWords={[t.form.save, t.form.saving]}
        onSubmit={save}
        onCancel={() => setEditing(false)}
      />
    );
  }
  return (
    <>
      <Card className="p-4">
        <div className="mb-3 flex flex-wrap items-center gap-x-3">
          <h2>{t.config.title}</h2>
          {d.config ? (
            <Link to="/configs/$name" params={{ name: d.config.name }} className="underline">
              {c.madeFrom(d.config.name, d.config.version)}
            </Link>
          ) : null}
          <Allowed right="operate">
            <Button size="small" className="ml-auto" onClick={() => setEditing(true)}>
              {t.config.edit}
            </Button>
          </Allowed>
        </div>
        <CodeTabs
          note={t.config.how}
          tabs={[
            { name: "JSON", text: asJson(d.spec) },
            { name: "CLI", text: asCli(d.spec) },
            { name: "curl", text: asCurl(d.spec, window.location.origin) },
          ]}
        />
      </Card>
      <MemoryCard deployment={d} />
    </>
  );
}
