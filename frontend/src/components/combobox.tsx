/** A text field with a list of suggestions below it: the combobox of the ARIA practices, list autocomplete. */

import { type ComponentProps, type KeyboardEvent, useId, useState } from "react";
import { TextField } from "./field";

export interface Suggested {
  value: string;
  hint: string;
}

interface Props extends ComponentProps<typeof TextField> {
  suggestions: readonly Suggested[];
  /** The name of the list, for those who hear the page. */
  listLabel: string;
  onChoose: (value: string) => void;
}

/** Where an arrow key leads: around the ends, and past the text itself (`-1`). */
export function step(active: number, by: 1 | -1, many: number): number {
  return ((active + 1 + by + many + 1) % (many + 1)) - 1;
}

interface ListProps {
  id: string;
  label: string;
  suggestions: readonly Suggested[];
  active: number;
  onChoose: (value: string) => void;
}

function Options({ id, label, suggestions, active, onChoose }: ListProps) {
  return (
    <div
      id={id}
      role="listbox"
      aria-label={label}
      className="absolute top-14 right-0 left-0 z-40 max-h-72 overflow-y-auto rounded-[9px] border border-line bg-surface p-1 shadow-pop"
    >
      {suggestions.map(({ value, hint }, n) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the field keeps the focus, and hears the keys
        <div
          key={value}
          id={`${id}-${n}`}
          role="option"
          tabIndex={-1}
          aria-selected={n === active}
          ref={n === active ? (option) => option?.scrollIntoView({ block: "nearest" }) : undefined}
          // The field keeps the focus, or it would close the list before the click.
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => onChoose(value)}
          className="flex cursor-pointer items-baseline gap-2 rounded-[6px] px-2 py-1 hover:bg-sunken aria-selected:bg-sunken"
        >
          <span className="min-w-0 flex-1 break-all">{value}</span>
          <span className="shrink-0 text-small text-muted">{hint}</span>
        </div>
      ))}
    </div>
  );
}

export function Combobox({ suggestions, listLabel, onChoose, ...field }: Props) {
  const id = useId();
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const shown = isOpen && suggestions.length > 0;
  const close = () => {
    setOpen(false);
    setActive(-1);
  };
  const choose = (value: string) => {
    onChoose(value);
    close();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const chosen = shown ? suggestions[active] : undefined;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      setOpen(true);
      setActive(step(active, event.key === "ArrowDown" ? 1 : -1, suggestions.length));
    } else if (event.key === "Enter" && chosen) choose(chosen.value);
    else if (event.key === "Escape" && shown) close();
    else return;
    event.preventDefault();
  };
  return (
    <div className="relative min-w-0">
      <TextField
        {...field}
        role="combobox"
        aria-autocomplete="list"
        aria-expanded={shown}
        aria-controls={shown ? id : undefined}
        aria-activedescendant={shown && suggestions[active] ? `${id}-${active}` : undefined}
        onKeyDown={onKeyDown}
        onChange={(event) => {
          setOpen(true);
          setActive(-1);
          return field.onChange?.(event);
        }}
        onBlur={(event) => {
          close();
          return field.onBlur?.(event);
        }}
      />
      {shown ? (
        <Options
          id={id}
          label={listLabel}
          suggestions={suggestions}
          active={active}
          onChoose={choose}
        />
      ) : null}
    </div>
  );
}
