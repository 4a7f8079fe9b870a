/** A new deployment: from settings of its own, or from a config with what is to differ. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type ReactNode, useMemo, useRef } from "react";
import { toast } from "sonner";
import { createDeployment } from "@/api/actions";
import { configQuery, configsQuery } from "@/api/configs";
import type { Config } from "@/api/gen";
import { deploymentsQuery, keys } from "@/api/queries";
import type { DeploymentRequest, DeploymentSpec } from "@/api/types";
import { Card, PageHead } from "@/components/card";
import { BareSelect } from "@/components/field";
import { EMPTY, type FormValues, fromSpec } from "@/components/spec/form-model";
import { bodyOf } from "@/components/spec/same-request";
import { SpecForm } from "@/components/spec/spec-form";
import { ErrorCard, SkeletonRows } from "@/components/states";
import { t } from "@/strings";
import { c } from "@/strings/configs";

/** A request sent twice by an impatient hand is one deployment; a changed request is another. */
function useIdempotencyKey(): (asked: DeploymentRequest) => string {
  const held = useRef({ asked: "", key: "" });
  return (asked) => {
    const text = JSON.stringify(asked);
    if (held.current.asked !== text) {
      held.current = {
        asked: text,
        key: Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) =>
          b.toString(16).padStart(2, "0"),
        ).join(""),
      };
    }
    return held.current.key;
  };
}

interface Props {
  /** What the address asks for: a model, or a config to begin with. */
  model?: string | undefined;
  revision?: string | undefined;
  config?: string | undefined;
}

function Source({ chosen, newest }: { chosen: string | undefined; newest: Config | undefined }) {
  const { data = [] } = useQuery(configsQuery);
  const navigate = useNavigate();
  if (data.length === 0 && !chosen) return null;
  return (
    <div className="mb-3 flex flex-wrap items-center gap-2 border-b border-line pb-3">
      <label htmlFor="config-source" className="text-small text-muted">
        {c.source}
      </label>
      <BareSelect
        id="config-source"
        value={chosen ?? ""}
        onChange={(event) =>
          void navigate({
            to: "/deployments/new",
            search: event.target.value ? { config: event.target.value } : {},
          })
        }
      >
        <option value="">{c.noSource}</option>
        {data.map((one) => (
          <option key={one.name} value={one.name}>
            {one.name}
          </option>
        ))}
      </BareSelect>
      {newest ? (
        <Link to="/configs/$name" params={{ name: newest.name }} className="text-small underline">
          {c.madeFrom(newest.name, newest.version)}
        </Link>
      ) : null}
    </div>
  );
}

function requestOf(spec: DeploymentSpec, force: boolean, config: Config | undefined) {
  const asked = config ? (bodyOf(spec, config) as DeploymentRequest) : spec;
  return force ? { ...asked, force } : asked;
}

function initialOf(asked: Omit<Props, "config">, config: Config | undefined): FormValues {
  if (config) return { ...fromSpec({ name: "", ...config.recipe }), name: "" };
  const { model, revision = "" } = asked;
  return model ? { ...EMPTY, model, revision } : EMPTY;
}

function NewDeployment({
  config,
  lead,
  ...asked
}: Omit<Props, "config"> & {
  config?: Config;
  lead: ReactNode;
}) {
  const { data } = useQuery(deploymentsQuery);
  const client = useQueryClient();
  const navigate = useNavigate();
  const keyOf = useIdempotencyKey();
  const taken = useMemo(() => new Set((data ?? []).map((d) => d.name)), [data]);
  const submit = async (spec: DeploymentSpec, force: boolean) => {
    const body = requestOf(spec, force, config);
    const { deployment } = await createDeployment(body, keyOf(body));
    client.setQueryData(keys.deployment(deployment.name), deployment);
    void client.invalidateQueries({ queryKey: keys.deployments });
    void client.invalidateQueries({ queryKey: keys.operations });
    toast(t.form.starting(deployment.name));
    await navigate({ to: "/deployments/$name", params: { name: deployment.name } });
  };
  return (
    <SpecForm
      initial={initialOf(asked, config)}
      taken={taken}
      fixedName={false}
      submitWords={[t.form.submit, t.form.submitting]}
      onSubmit={submit}
      lead={lead}
      {...(config ? { config } : {})}
    />
  );
}

function FromConfig({ name }: { name: string }) {
  const query = useQuery(configQuery(name));
  if (query.data)
    return (
      <NewDeployment
        key={name}
        config={query.data}
        lead={<Source chosen={name} newest={query.data} />}
      />
    );
  if (query.isError)
    return (
      <>
        <ErrorCard error={query.error} onRetry={() => void query.refetch()} />
        <Card className="mt-3 p-4">
          <Source chosen={undefined} newest={undefined} />
        </Card>
      </>
    );
  return (
    <Card>
      <SkeletonRows rows={4} />
    </Card>
  );
}

export function DeployPage({ model, revision, config }: Props) {
  return (
    <>
      <PageHead title={t.form.title} />
      {config ? (
        <FromConfig name={config} />
      ) : (
        <NewDeployment
          key={`${model}@${revision}`}
          model={model}
          revision={revision}
          lead={<Source chosen={undefined} newest={undefined} />}
        />
      )}
    </>
  );
}
