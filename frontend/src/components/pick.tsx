/** A choice among a few words, with its label beside it or heard alone. */

import { useId } from "react";
import { BareSelect } from "./field";

interface Props<T extends string> {
  label: string;
  value: T;
  /** The words of each, in their order. */
  options: Readonly<Record<T, string>>;
  onChange: (value: T) => void;
  /** The words of the empty choice, where nothing may be chosen. */
  any?: string;
  /** The label is heard alone: the choice's place says what it is. */
  bare?: boolean;
  className?: string;
}

export function Pick<T extends string>(props: Props<T>) {
  const { label, value, options, onChange, any, bare = false, className = "" } = props;
  const id = useId();
  const select = (
    <BareSelect
      id={id}
      aria-label={bare ? label : undefined}
      className={className}
      value={value}
      onChange={(event) => onChange(event.target.value as T)}
    >
      {any === undefined ? null : <option value="">{any}</option>}
      {Object.entries<string>(options).map(([each, words]) => (
        <option key={each} value={each}>
          {words}
        </option>
      ))}
    </BareSelect>
  );
  if (bare) return select;
  return (
    <span className="flex items-center gap-1.5 text-small text-muted">
      <label htmlFor={id}>{label}</label>
      {select}
    </span>
  );
}
