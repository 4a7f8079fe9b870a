/** Settings that the model's family is best run with, laid over the form at a click. */

import { useQuery } from "@tanstack/react-query";
import type { UseFormReturn } from "react-hook-form";
import { presetsQuery } from "@/api/configs";
import { Button } from "@/components/button";
import { c } from "@/strings/configs";
import { argumentName, type FormValues, withArguments } from "./form-model";

const LISTED = 3;

export function Presets({ form }: { form: UseFormReturn<FormValues> }) {
  const model = form.watch("model").trim();
  const { data = [] } = useQuery({ ...presetsQuery(model), enabled: model.includes("/") });
  const fitting = data.filter((p) => p.matches?.length).slice(0, LISTED);
  const given = new Set(form.watch("args").map((pair) => argumentName(pair.key)));
  if (fitting.length === 0) return null;
  return (
    <ul aria-label={c.preset} className="mb-3 space-y-2 rounded-control bg-sunken px-3 py-2">
      {fitting.map((preset) => {
        const args = (preset.recipe.arguments ?? {}) as Record<string, unknown>;
        const done = Object.keys(args).every((name) => given.has(name));
        return (
          <li key={preset.id} className="flex items-start gap-3">
            <span className="min-w-0 flex-1">
              <span className="font-[520]">{preset.title}</span>
              <span className="block text-small text-muted">{preset.why}</span>
            </span>
            <Button
              size="small"
              disabled={done}
              onClick={() => form.reset(withArguments(form.getValues(), args))}
            >
              {done ? c.presetDone : c.presetUse}
            </Button>
          </li>
        );
      })}
    </ul>
  );
}
