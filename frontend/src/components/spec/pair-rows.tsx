/** Rows of a name and a value, with suggestions for the name. */

import { X } from "lucide-react";
import { type FieldError, type UseFormReturn, useFieldArray } from "react-hook-form";
import { Button, IconButton } from "@/components/button";
import { BareInput } from "@/components/field";
import { Prose } from "@/components/prose";
import { t } from "@/strings";
import { rights as w } from "@/strings/rights";
import type { FormValues } from "./form-model";

/** What the server shows in place of a value; sent back, it leaves the value as it is. */
const MASK = "********";

export interface Suggestion {
  name: string;
  hint: string;
}

interface Props {
  under: "args" | "env";
  form: UseFormReturn<FormValues>;
  words: { key: string; value: string; add: string };
  suggestions?: readonly Suggestion[];
  placeholderOf?: (name: string) => string | undefined;
}

interface RowProps extends Omit<Props, "suggestions"> {
  index: number;
  listId: string | undefined;
  onRemove: () => void;
}

/** A name that the server knows better is offered at a click. */
function Fix({ error, onUse }: { error: FieldError; onUse: (value: string) => void }) {
  if (error.type === "plain") return null;
  return (
    <button type="button" className="underline" onClick={() => onUse(error.type)}>
      {t.form.use(error.type)}
    </button>
  );
}

function PairRow({ under, form, words, placeholderOf, index, listId, onRemove }: RowProps) {
  const errors = form.formState.errors[under]?.[index];
  const part = errors?.key ? "key" : "value";
  const error = errors?.[part];
  const errorId = `${under}-${index}-error`;
  const name = form.watch(`${under}.${index}.key`);
  const field = (which: "key" | "value") => ({
    ...form.register(`${under}.${index}.${which}`),
    "aria-label": `${words[which]} ${index + 1}`,
    "aria-describedby": error ? errorId : undefined,
    autoComplete: "off",
    spellCheck: false,
    invalid: Boolean(errors?.[which]),
  });
  const isMasked = under === "env" && form.watch(`${under}.${index}.value`) === MASK;
  const use = (value: string) => {
    form.setValue(`${under}.${index}.${part}`, value);
    form.clearErrors(`${under}.${index}`);
  };
  return (
    <div>
      <div className="flex gap-2">
        <BareInput
          {...field("key")}
          placeholder={words.key}
          list={listId}
          className="flex-[3] font-mono text-small!"
        />
        <BareInput
          {...field("value")}
          placeholder={placeholderOf?.(name) ?? words.value}
          className="flex-[2] font-mono text-small!"
        />
        <IconButton label={t.form.removeRow(name)} onClick={onRemove}>
          <X size={14} aria-hidden />
        </IconButton>
      </div>
      {isMasked ? <p className="mt-1 text-small text-muted">{w.masked}</p> : null}
      {error ? (
        <p id={errorId} className="mt-1 text-small text-failed-text">
          <Prose text={error.message ?? ""} /> <Fix error={error} onUse={use} />
        </p>
      ) : null}
    </div>
  );
}

export function PairRows({ under, form, words, suggestions = [], placeholderOf }: Props) {
  const rows = useFieldArray({ control: form.control, name: under });
  const listId = suggestions.length > 0 ? `${under}-names` : undefined;
  return (
    <div className="space-y-2">
      {rows.fields.map((row, index) => (
        <PairRow
          key={row.id}
          under={under}
          form={form}
          words={words}
          placeholderOf={placeholderOf}
          index={index}
          listId={listId}
          onRemove={() => rows.remove(index)}
        />
      ))}
      <Button size="small" onClick={() => rows.append({ key: "", value: "" })}>
        {words.add}
      </Button>
      {listId ? (
        <datalist id={listId}>
          {suggestions.map((s) => (
            <option key={s.name} value={s.name} label={s.hint} />
          ))}
        </datalist>
      ) : null}
    </div>
  );
}
