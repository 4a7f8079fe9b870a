/** The five limits of a key, a user, a team, a model or the installation, as fields. */

import { TextField } from "@/components/field";
import { access, limits as w } from "@/strings/access";
import { isBad, LIMIT_NAMES, type LimitTexts } from "./limit-values";

interface Props {
  texts: LimitTexts;
  onTexts: (texts: LimitTexts) => void;
}

export function LimitFields({ texts, onTexts }: Props) {
  return (
    <div className="grid gap-2 sm:grid-cols-2">
      {LIMIT_NAMES.map((name) => (
        <TextField
          key={name}
          label={w.names[name]}
          inputMode="numeric"
          autoComplete="off"
          placeholder={access.off}
          value={texts[name]}
          error={isBad(texts[name]) ? w.badNumber : undefined}
          onChange={(event) => onTexts({ ...texts, [name]: event.target.value })}
        />
      ))}
    </div>
  );
}
