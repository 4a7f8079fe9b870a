/** The form of a deployment, for a new one and for changing one. */

import { useQuery } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useMemo, useState } from "react";
import { type FieldError, get, type UseFormReturn, useForm, useWatch } from "react-hook-form";
import type { Config } from "@/api/gen";
import { describeProblem, toProblem } from "@/api/problem";
import { engineArgumentsQuery } from "@/api/queries";
import type { DeploymentSpec, EngineArgument, ProblemDetails } from "@/api/types";
import { Button } from "@/components/button";
import { Card } from "@/components/card";
import { Combobox } from "@/components/combobox";
import { CodeTabs, CopyButton } from "@/components/copy";
import { TextField } from "@/components/field";
import { FitPanel } from "@/components/fit-panel";
import { Prose } from "@/components/prose";
import { t } from "@/strings";
import { fit } from "@/strings/configs";
import { queueing } from "@/strings/queueing";
import {
  argumentName,
  check,
  type Field,
  type FieldProblem,
  type FormValues,
  fieldOf,
  placeOf,
  toFit,
  toSpec,
} from "./form-model";
import { useModelSuggestions } from "./model-suggestions";
import { PairRows, type Suggestion } from "./pair-rows";
import { Presets } from "./presets";
import { asCli, asCurl, asJson } from "./same-request";

interface Props {
  initial: FormValues;
  /** Names that can't be chosen; a name that is given can't be changed. */
  taken: ReadonlySet<string>;
  fixedName: boolean;
  submitWords: [string, string];
  /** `force`: although the estimate says that it can't fit. */
  onSubmit: (spec: DeploymentSpec, force: boolean) => Promise<unknown>;
  /** What stands above the fields, such as what the form was filled from. */
  lead?: ReactNode;
  /** What only this use of the form has, below the fields. */
  extra?: ReactNode;
  /** The config that the form was filled from. */
  config?: Config;
  /** Whether the same request as a command is shown. */
  isDeployment?: boolean;
  onCancel?: () => void;
}

const NONE: readonly EngineArgument[] = [];

function useArguments() {
  const { data } = useQuery(engineArgumentsQuery);
  const known = data ?? NONE;
  const suggestions = useMemo<Suggestion[]>(
    () =>
      known
        .filter((a) => !a.reserved && a.name !== "max_model_len")
        .map((a) => ({ name: a.name, hint: (a.help ?? "").slice(0, 80) })),
    [known],
  );
  const byName = useMemo(() => new Map(known.map((a) => [a.name, a])), [known]);
  const placeholderOf = (name: string): string | undefined => {
    const a = byName.get(argumentName(name));
    if (!a) return undefined;
    if (a.choices?.length) return a.choices.map(String).join(" | ");
    return a.default == null ? (a.type ?? undefined) : JSON.stringify(a.default);
  };
  return { known, suggestions, placeholderOf };
}

/** What the server said that no field of the form can show. */
function Refusal({
  problem,
  rest,
  onForce,
}: {
  problem: ProblemDetails;
  rest: readonly FieldProblem[];
  onForce: () => void;
}) {
  return (
    <div
      role="alert"
      className="mt-4 flex items-start gap-3 rounded-control bg-failed-soft px-3 py-2 text-failed-text"
    >
      <div className="min-w-0 flex-1">
        <p className="font-[600]">
          {t.form.rejected}. {t.form.nothingStarted}
        </p>
        {rest.length === 0 ? (
          <p className="break-words">
            <Prose text={problem.detail} />
          </p>
        ) : null}
        {rest.map((e) => (
          <p key={e.message}>
            <Prose text={e.message} />
          </p>
        ))}
        {problem.request_id ? (
          <p className="font-mono text-small">{t.errors.request(problem.request_id)}</p>
        ) : null}
        {problem.code === "does_not_fit" ? (
          <Button size="small" className="mt-2" onClick={onForce}>
            {fit.anyway}
          </Button>
        ) : null}
      </div>
      <CopyButton text={() => describeProblem(problem)} label={t.errors.copy} />
    </div>
  );
}

function Section({ title, note, children }: { title: string; note?: string; children: ReactNode }) {
  return (
    <fieldset className="mt-4 border-t border-line pt-3.5">
      <legend className="float-left mb-2.5 w-full font-[600]">
        {title} {note ? <span className="text-small font-normal text-muted">· {note}</span> : null}
      </legend>
      <div className="clear-both">{children}</div>
    </fieldset>
  );
}

type Form = UseFormReturn<FormValues>;

interface Submission {
  busy: boolean;
  refusal: { problem: ProblemDetails; rest: FieldProblem[] } | null;
  submit: (event: FormEvent) => Promise<void>;
  force: () => Promise<void>;
}

/** Shows each problem at its field and puts the focus on the first. */
function showProblems(form: Form, problems: readonly FieldProblem[]): void {
  let first = true;
  for (const { field, message, suggestion } of problems) {
    if (field === "root") continue;
    form.setError(field, { message, type: suggestion ?? PLAIN_ERROR }, { shouldFocus: first });
    first = false;
  }
}

const PLAIN_ERROR = "plain";

function useSubmission(form: Form, props: Props, known: readonly EngineArgument[]): Submission {
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Submission["refusal"]>(null);

  const refuse = (error: unknown, values: FormValues) => {
    const problem = toProblem(error);
    const found = (problem.errors ?? []).map(({ field, message, suggestion }) => ({
      field: fieldOf(
        field,
        values,
        known.some((a) => a.name === suggestion),
      ),
      message,
      suggestion,
    }));
    showProblems(form, found);
    const rest = found.filter((e) => e.field === "root");
    // A lost login asks for the password above this page, which keeps what was typed.
    const whole = found.length === 0 || rest.length > 0 || problem.code === "does_not_fit";
    if (problem.status !== 401 && whole) setRefusal({ problem, rest });
  };

  const send = async (force: boolean) => {
    form.clearErrors();
    setRefusal(null);
    const values = form.getValues();
    const problems = check(values, props.fixedName ? new Set() : props.taken);
    showProblems(form, problems);
    if (problems.length > 0) return;
    setBusy(true);
    try {
      await props.onSubmit(toSpec(values, known), force);
    } catch (error) {
      refuse(error, values);
    } finally {
      setBusy(false);
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    return send(false);
  };
  return { busy, refusal, submit, force: () => send(true) };
}

/** A field's registration, its error, and a button for the value that the server says would work. */
function bind(form: Form, field: Field & keyof FormValues) {
  const error = get(form.formState.errors, field) as FieldError | undefined;
  const suggestion = error && error.type !== PLAIN_ERROR ? error.type : null;
  const fix = suggestion ? (
    <button
      type="button"
      className="underline"
      onClick={() => {
        form.setValue(field, suggestion);
        form.clearErrors(field);
        form.setFocus(field);
      }}
    >
      {t.form.use(suggestion)}
    </button>
  ) : undefined;
  return {
    ...form.register(field),
    error: error?.message,
    fix,
    autoComplete: "off",
    spellCheck: false,
  };
}

function ModelFields({ form, fixedName }: { form: Form; fixedName: boolean }) {
  const typed = useWatch({ control: form.control, name: "model" });
  const suggestions = useModelSuggestions(typed.trim());
  return (
    <div className="grid gap-3 sm:grid-cols-2">
      <Combobox
        {...bind(form, "model")}
        label={t.form.model}
        hint={t.form.modelHint}
        listLabel={t.form.models}
        suggestions={suggestions}
        onChoose={(value) => {
          form.setValue("model", value, { shouldDirty: true });
          form.clearErrors("model");
        }}
      />
      <TextField
        {...bind(form, "name")}
        label={t.form.name}
        hint={t.form.nameHint}
        readOnly={fixedName}
      />
    </div>
  );
}

function ResourceFields({ form }: { form: Form }) {
  const amount = (field: Field & keyof FormValues) => ({
    ...bind(form, field),
    inputMode: "decimal" as const,
  });
  return (
    <div className="grid grid-cols-2 gap-3 md:grid-cols-4">
      <TextField {...amount("replicas")} label={t.form.replicas} />
      <TextField {...amount("cpus")} label={t.form.cpus} />
      <TextField {...amount("gpus")} label={t.form.gpus} placeholder={t.form.automatic} />
      <TextField {...amount("context")} label={t.form.context} placeholder={t.form.contextHint} />
      <TextField {...amount("tensor")} label={t.form.tensor} />
      <TextField {...amount("pipeline")} label={t.form.pipeline} />
      <TextField
        {...amount("concurrent")}
        label={t.form.concurrent}
        placeholder={t.form.concurrentHint}
      />
      <TextField
        {...amount("queued")}
        label={queueing.queued}
        placeholder={queueing.installation}
      />
      <TextField
        {...amount("queueWait")}
        label={queueing.wait}
        placeholder={queueing.installation}
      />
      <TextField
        {...bind(form, "revision")}
        label={t.form.revision}
        placeholder={t.form.revisionHint}
      />
    </div>
  );
}

function SameRequest({
  form,
  known,
  ...asked
}: {
  form: Form;
  known: readonly EngineArgument[];
  config: Config | undefined;
  /** The last try was refused by the estimate: the way to deploy anyway is shown. */
  force: boolean;
}) {
  const values = useWatch({ control: form.control }) as FormValues;
  const spec = toSpec(values, known);
  return (
    <CodeTabs
      note={t.form.same}
      tabs={[
        { name: "curl", text: asCurl(spec, window.location.origin, asked) },
        { name: "CLI", text: asCli(spec, asked) },
        { name: "JSON", text: asJson(spec, asked) },
      ]}
    />
  );
}

/** The estimate beside the form, whose suggestions go into its fields. */
function Fit({ form, known }: { form: Form; known: readonly EngineArgument[] }) {
  const values = useWatch({ control: form.control }) as FormValues;
  return (
    <FitPanel
      asked={toFit(values, known)}
      onUse={({ field, value }) => {
        const place = placeOf(field, form.getValues());
        const text = typeof value === "string" ? value : JSON.stringify(value);
        if (typeof place === "string") form.setValue(place, text);
        else
          form.setValue("args", [...form.getValues("args"), { key: place.argument, value: text }]);
        form.clearErrors();
      }}
    />
  );
}

export function SpecForm(props: Props) {
  const { initial, fixedName, submitWords, onCancel, isDeployment = true } = props;
  const { known, suggestions, placeholderOf } = useArguments();
  const form = useForm<FormValues>({ defaultValues: initial });
  const { busy, refusal, submit, force } = useSubmission(form, props, known);
  return (
    <div className="grid items-start gap-3 xl:grid-cols-[minmax(0,1fr)_384px]">
      <Card className="min-w-0 p-4">
        <form onSubmit={submit} noValidate>
          {props.lead}
          <ModelFields form={form} fixedName={fixedName} />
          <Section title={t.form.resources}>
            <ResourceFields form={form} />
          </Section>
          <Section
            title={t.form.engine}
            note={known.length > 0 ? t.form.known(known.length) : undefined}
          >
            <Presets form={form} />
            <PairRows
              under="args"
              form={form}
              words={{ key: t.form.argument, value: t.form.value, add: t.form.addArgument }}
              suggestions={suggestions}
              placeholderOf={placeholderOf}
            />
          </Section>
          <Section title={t.form.environment}>
            <PairRows
              under="env"
              form={form}
              words={{ key: t.form.variable, value: t.form.value, add: t.form.addVariable }}
            />
          </Section>
          {props.extra}
          {refusal ? <Refusal {...refusal} onForce={() => void force()} /> : null}
          <div className="mt-4 flex justify-end gap-2 border-t border-line pt-3.5">
            {onCancel ? <Button onClick={onCancel}>{t.words.cancel}</Button> : null}
            <Button kind="primary" type="submit" disabled={busy}>
              {submitWords[busy ? 1 : 0]}
            </Button>
          </div>
        </form>
      </Card>
      <div className="min-w-0 space-y-3 xl:sticky xl:top-17">
        <Card className="p-4">
          <Fit form={form} known={known} />
        </Card>
        {isDeployment ? (
          <Card className="p-4">
            <SameRequest
              form={form}
              known={known}
              config={props.config}
              force={refusal?.problem.code === "does_not_fit"}
            />
          </Card>
        ) : null}
      </div>
    </div>
  );
}
