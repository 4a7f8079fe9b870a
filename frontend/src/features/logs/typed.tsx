/** A text that is taken over once the typing pauses. */

import { useEffect, useRef, useState } from "react";
import { BareInput } from "@/components/field";

const TYPING_MS = 400;

interface Props {
  label: string;
  value: string;
  onType: (value: string) => void;
  /** The field that `/` leads to. */
  isFilter?: boolean;
}

export function Typed({ label, value, onType, isFilter = false }: Props) {
  const [typed, setTyped] = useState(value);
  const told = useRef(value);
  const tell = useRef(onType);
  tell.current = onType;
  // What comes back of one's own typing is late: by now there may be more of it.
  useEffect(() => {
    if (value !== told.current) setTyped(value);
    told.current = value;
  }, [value]);
  useEffect(() => {
    const wanted = typed.trim();
    if (wanted === told.current) return;
    const timer = setTimeout(() => {
      told.current = wanted;
      tell.current(wanted);
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <BareInput
      {...(isFilter ? { "data-filter": true } : {})}
      type="search"
      aria-label={label}
      placeholder={label}
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
      className="h-7! min-w-36 flex-1 sm:max-w-60"
    />
  );
}
