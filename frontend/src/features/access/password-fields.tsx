/** A new password, typed twice. */

import { TextField } from "@/components/field";
import { account as w } from "@/strings/access";

const SHORTEST = 12;

export interface Twice {
  first: string;
  second: string;
}

export const isUsable = ({ first, second }: Twice): boolean =>
  first.length >= SHORTEST && first === second;

interface Props {
  value: Twice;
  onValue: (value: Twice) => void;
}

export function NewPassword({ value, onValue }: Props) {
  const { first, second } = value;
  const isShort = first !== "" && first.length < SHORTEST;
  return (
    <>
      <TextField
        label={w.next}
        hint={w.nextHint}
        error={isShort && second !== "" ? w.tooShort : undefined}
        type="password"
        autoComplete="new-password"
        required
        value={first}
        onChange={(event) => onValue({ first: event.target.value, second })}
      />
      <TextField
        label={w.again}
        error={second !== "" && !first.startsWith(second) ? w.differs : undefined}
        type="password"
        autoComplete="new-password"
        required
        value={second}
        onChange={(event) => onValue({ first, second: event.target.value })}
      />
    </>
  );
}
