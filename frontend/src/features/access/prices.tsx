/** What tokens of models cost: shown to all, set by administrators. */

import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { toast } from "sonner";
import { accessKeys, pricesQuery } from "@/api/access";
import { data } from "@/api/client";
import { type Price, removePrice, setPrice } from "@/api/gen";
import { deploymentsQuery } from "@/api/queries";
import { Button } from "@/components/button";
import { Tag } from "@/components/chip";
import { FormButtons, FormDialog } from "@/components/dialog";
import { TextField } from "@/components/field";
import { Lost, PartFailed } from "@/components/states";
import { prices as w } from "@/strings/usage";
import { cell, RowMenu, Table } from "./parts";
import { useRole } from "./roles";
import { useAccessAction } from "./use-access-action";

const COLUMNS = [
  { label: w.columns.model },
  { label: w.columns.from },
  { label: w.columns.input, right: true },
  { label: w.columns.cached, right: true, hide: "sm" as const },
  { label: w.columns.output, right: true },
  { label: w.actions("", ""), quiet: true },
];

const figure = (value: number, currency: string): string =>
  new Intl.NumberFormat("en", { style: "currency", currency, maximumFractionDigits: 9 }).format(
    value,
  );

function Form({ known, onClose }: { known: Price | null; onClose: () => void }) {
  const [model, setModel] = useState(known?.model ?? "");
  const [input, setInput] = useState(known ? String(known.input_per_million) : "");
  const [cached, setCached] = useState(String(known?.cached_input_per_million ?? ""));
  const [output, setOutput] = useState(known ? String(known.output_per_million) : "");
  const [from, setFrom] = useState(() => new Date().toISOString().slice(0, 10));
  const models = useQuery({ ...deploymentsQuery, enabled: !known }).data ?? [];
  const { busy, attempt } = useAccessAction(accessKeys.prices, accessKeys.usage);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const body = {
      input_per_million: Number(input),
      cached_input_per_million: cached === "" ? null : Number(cached),
      output_per_million: Number(output),
      valid_from: from || null,
    };
    const path = { model: model.trim() };
    if (!(await attempt(() => data(setPrice({ path, body }))))) return;
    onClose();
    toast(w.saved(path.model));
  };
  const money = { type: "number", min: 0, step: "any", required: true } as const;
  return (
    <form className="space-y-3" onSubmit={(event) => void submit(event)}>
      {known ? null : (
        <>
          <TextField
            label={w.model}
            hint={w.modelHint}
            required
            maxLength={255}
            list="priced-models"
            value={model}
            onChange={(event) => setModel(event.target.value)}
          />
          <datalist id="priced-models">
            {models.map(({ name }) => (
              <option key={name} value={name} />
            ))}
          </datalist>
        </>
      )}
      <div className="grid gap-2 sm:grid-cols-2">
        <TextField
          {...money}
          label={w.input}
          value={input}
          onChange={(event) => setInput(event.target.value)}
        />
        <TextField
          {...money}
          label={w.output}
          value={output}
          onChange={(event) => setOutput(event.target.value)}
        />
        <TextField
          {...money}
          required={false}
          label={w.cached}
          hint={w.cachedHint}
          value={cached}
          onChange={(event) => setCached(event.target.value)}
        />
        <TextField
          type="date"
          label={w.from}
          hint={w.fromHint}
          value={from}
          onChange={(event) => setFrom(event.target.value)}
        />
      </div>
      <FormButtons submit={w.submit} disabled={busy} onCancel={onClose} />
    </form>
  );
}

function Row({ price, onChange }: { price: Price; onChange: (() => void) | null }) {
  const { attempt } = useAccessAction(accessKeys.prices, accessKeys.usage);
  const { model, valid_from, currency } = price;
  const remove = async () => {
    const gone = await attempt(async () => {
      await data<unknown>(removePrice({ path: { model }, query: { valid_from } }));
      return true;
    });
    if (gone) toast(w.removed);
  };
  const cached = price.cached_input_per_million ?? price.input_per_million;
  return (
    <tr>
      <td className={cell(undefined, "font-[520] break-all")}>{model}</td>
      <td className={cell(undefined, "text-muted")}>
        <span className="whitespace-nowrap">{valid_from}</span>{" "}
        {price.is_current ? <Tag>{w.current}</Tag> : null}
      </td>
      <td className={cell(undefined, "figures text-right")}>
        {figure(price.input_per_million, currency)}
      </td>
      <td className={cell("sm", "figures text-right")}>{figure(cached, currency)}</td>
      <td className={cell(undefined, "figures text-right")}>
        {figure(price.output_per_million, currency)}
      </td>
      <td className={cell(undefined, "text-right")}>
        {onChange ? (
          <RowMenu
            label={w.actions(model, valid_from)}
            change={w.change}
            onChange={onChange}
            remove={{
              verb: w.remove,
              title: w.removeTitle(model, valid_from),
              why: w.removeWhy,
              run: () => void remove(),
            }}
          />
        ) : null}
      </td>
    </tr>
  );
}

export function Prices() {
  const query = useQuery(pricesQuery);
  const prices = query.data;
  const maySet = useRole() === "administrator";
  const [editing, setEditing] = useState<Price | "new" | null>(null);
  const known = editing === "new" ? null : editing;
  if (!prices) return <PartFailed query={query} title={w.failed} />;
  if (prices.length === 0 && !maySet) return null;
  return (
    <section aria-label={w.title} className="mt-6">
      <div className="mb-2 flex flex-wrap items-center gap-3">
        <h2>{w.title}</h2>
        <p className="text-small text-muted">{prices.length > 0 ? w.lead : w.none}</p>
        {maySet ? (
          <Button className="sm:ml-auto" onClick={() => setEditing("new")}>
            {w.set}
          </Button>
        ) : null}
      </div>
      <Lost query={query} />
      {prices.length > 0 ? (
        <Table columns={COLUMNS}>
          {prices.map((price) => (
            <Row
              key={`${price.model} ${price.valid_from}`}
              price={price}
              onChange={maySet ? () => setEditing(price) : null}
            />
          ))}
        </Table>
      ) : null}
      <FormDialog
        title={editing === null ? null : known ? w.changeTitle(known.model) : w.setTitle}
        onClose={() => setEditing(null)}
      >
        <Form known={known} onClose={() => setEditing(null)} />
      </FormDialog>
    </section>
  );
}
