/** A new config. */

import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { toast } from "sonner";
import { data } from "@/api/client";
import { configKeys } from "@/api/configs";
import { createConfig, type Recipe } from "@/api/gen";
import { PageHead } from "@/components/card";
import { c } from "@/strings/configs";
import { EditForm } from "./edit-form";

const NOTHING: Partial<Recipe> = {};

interface Props {
  /** What the address asks for. */
  model: string | undefined;
  revision: string | undefined;
}

export function NewConfigPage({ model, revision }: Props) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const keep = async (name: string, recipe: Recipe, message: string | null) => {
    await data(createConfig({ body: { name, recipe, message } }));
    await client.invalidateQueries({ queryKey: configKeys.all });
    toast(c.created(name));
    await navigate({ to: "/configs/$name", params: { name } });
  };
  return (
    <>
      <PageHead title={c.createTitle} />
      <EditForm
        name={null}
        base={NOTHING}
        model={model}
        revision={revision}
        onSave={keep}
        onCancel={() => void navigate({ to: "/configs" })}
      />
    </>
  );
}
