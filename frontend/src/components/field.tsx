/** A labelled control with its hint and its error, joined for screen readers. */

import {
  type InputHTMLAttributes,
  type ReactNode,
  type Ref,
  type SelectHTMLAttributes,
  useId,
} from "react";
import { Prose } from "./prose";

const CONTROL =
  "w-full rounded-control border bg-surface px-2.5 text-body text-text outline-offset-0 focus-visible:outline-2 focus-visible:outline-accent aria-invalid:focus-visible:outline-failed disabled:bg-sunken disabled:text-muted";

function border(error: string | undefined): string {
  return error ? "border-failed" : "border-line hover:border-line-strong";
}

interface FrameProps {
  label: string;
  hint?: ReactNode;
  error?: string | undefined;
  /** Replaces a value by the one that the server says would work. */
  fix?: ReactNode;
  className?: string;
}

interface ControlProps {
  id: string;
  "aria-invalid": boolean;
  "aria-describedby": string | undefined;
}

function Frame({
  label,
  hint,
  error,
  fix,
  className = "",
  children,
}: FrameProps & { children: (props: ControlProps) => ReactNode }) {
  const id = useId();
  const note = error ? `${id}-error` : hint ? `${id}-hint` : undefined;
  return (
    <div className={`min-w-0 ${className}`}>
      <label htmlFor={id} className="mb-1 block text-small text-muted">
        {label}
      </label>
      {children({ id, "aria-invalid": Boolean(error), "aria-describedby": note })}
      {error ? (
        <p id={`${id}-error`} className="mt-1 text-small text-failed-text">
          <Prose text={error} /> {fix}
        </p>
      ) : hint ? (
        <p id={`${id}-hint`} className="mt-1 text-small text-muted">
          {hint}
        </p>
      ) : null}
    </div>
  );
}

type InputProps = FrameProps &
  InputHTMLAttributes<HTMLInputElement> & { ref?: Ref<HTMLInputElement> };

export function TextField({ label, hint, error, fix, className, ...rest }: InputProps) {
  return (
    <Frame label={label} hint={hint} error={error} fix={fix} className={className}>
      {(props) => <input {...rest} {...props} className={`h-8 ${CONTROL} ${border(error)}`} />}
    </Frame>
  );
}

type SelectProps = FrameProps & SelectHTMLAttributes<HTMLSelectElement>;

export function SelectField({ label, hint, error, fix, className, ...rest }: SelectProps) {
  return (
    <Frame label={label} hint={hint} error={error} fix={fix} className={className}>
      {(props) => <select {...rest} {...props} className={`h-8 ${CONTROL} ${border(error)}`} />}
    </Frame>
  );
}

/** A control without a visible label (its purpose is plain from its place). */
export function BareInput({
  className = "",
  invalid = false,
  ...rest
}: InputHTMLAttributes<HTMLInputElement> & { invalid?: boolean; ref?: Ref<HTMLInputElement> }) {
  return (
    <input
      aria-invalid={invalid || undefined}
      className={`h-8 ${CONTROL} ${invalid ? "border-failed" : "border-line hover:border-line-strong"} ${className}`}
      {...rest}
    />
  );
}

export function BareSelect({ className = "", ...rest }: SelectHTMLAttributes<HTMLSelectElement>) {
  return (
    <select
      className={`h-8 rounded-control border border-line bg-surface px-2 text-body text-text hover:border-line-strong ${className}`}
      {...rest}
    />
  );
}
