/** A config's settings in the form of a deployment; what the form doesn't know stays as it was. */

import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { configsQuery } from "@/api/configs";
import type { Recipe } from "@/api/gen";
import type { DeploymentSpec } from "@/api/types";
import { TextField } from "@/components/field";
import { EMPTY, fromSpec } from "@/components/spec/form-model";
import { SpecForm } from "@/components/spec/spec-form";
import { t } from "@/strings";
import { c } from "@/strings/configs";

/** The recipe that the form holds, with the parts of `base` that it has no fields for. */
export function recipeOf(spec: DeploymentSpec, base: Partial<Recipe>, description: string): Recipe {
  const { name: _, start: __, engine: ___, config: ____, ...fields } = spec;
  return { ...base, ...fields, description: description.trim() || null };
}

interface Props {
  /** Null: a new config. */
  name: string | null;
  base: Partial<Recipe>;
  model?: string | undefined;
  revision?: string | undefined;
  onSave: (name: string, recipe: Recipe, message: string | null) => Promise<unknown>;
  onCancel: () => void;
}

export function EditForm({ name, base, model, revision, onSave, onCancel }: Props) {
  const { data } = useQuery(configsQuery);
  const taken = useMemo(
    () => new Set(name ? [] : (data ?? []).map((one) => one.name)),
    [data, name],
  );
  const [description, setDescription] = useState(base.description ?? "");
  const [message, setMessage] = useState("");
  const initial = base.model
    ? fromSpec({ name: name ?? "", ...base, model: base.model })
    : { ...EMPTY, model: model ?? EMPTY.model, revision: revision ?? EMPTY.revision };
  return (
    <SpecForm
      initial={initial}
      taken={taken}
      fixedName={name !== null}
      isDeployment={false}
      submitWords={[name ? c.save : t.form.save, c.saving]}
      onCancel={onCancel}
      onSubmit={(spec) =>
        onSave(spec.name, recipeOf(spec, base, description), message.trim() || null)
      }
      extra={
        <div className="mt-4 grid gap-3 border-t border-line pt-3.5 sm:grid-cols-2">
          <TextField
            label={c.description}
            value={description}
            maxLength={500}
            onChange={(event) => setDescription(event.target.value)}
          />
          <TextField
            label={c.message}
            value={message}
            maxLength={500}
            onChange={(event) => setMessage(event.target.value)}
          />
        </div>
      }
    />
  );
}
