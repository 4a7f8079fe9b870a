/** A new deployment. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useMemo, useRef } from "react";
import { toast } from "sonner";
import { createDeployment } from "@/api/actions";
import { deploymentsQuery, keys } from "@/api/queries";
import type { DeploymentSpec } from "@/api/types";
import { PageHead } from "@/components/card";
import { t } from "@/strings";
import { EMPTY } from "@/components/spec/form-model";
import { SpecForm } from "@/components/spec/spec-form";

/** A request sent twice by an impatient hand is one deployment; a changed request is another. */
function useIdempotencyKey(): (spec: DeploymentSpec) => string {
  const held = useRef({ spec: "", key: "" });
  return (spec) => {
    const text = JSON.stringify(spec);
    if (held.current.spec !== text) {
      held.current = {
        spec: text,
        key: Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) =>
          b.toString(16).padStart(2, "0"),
        ).join(""),
      };
    }
    return held.current.key;
  };
}

export function DeployPage() {
  const { data } = useQuery(deploymentsQuery);
  const client = useQueryClient();
  const navigate = useNavigate();
  const keyOf = useIdempotencyKey();
  const taken = useMemo(() => new Set((data ?? []).map((d) => d.name)), [data]);
  const submit = async (spec: DeploymentSpec) => {
    const { deployment } = await createDeployment(spec, keyOf(spec));
    client.setQueryData(keys.deployment(deployment.name), deployment);
    void client.invalidateQueries({ queryKey: keys.deployments });
    void client.invalidateQueries({ queryKey: keys.operations });
    toast(t.form.starting(deployment.name));
    await navigate({ to: "/deployments/$name", params: { name: deployment.name } });
  };
  return (
    <>
      <PageHead title={t.form.title} />
      <SpecForm
        initial={EMPTY}
        taken={taken}
        fixedName={false}
        submitWords={[t.form.submit, t.form.submitting]}
        onSubmit={submit}
      />
    </>
  );
}
