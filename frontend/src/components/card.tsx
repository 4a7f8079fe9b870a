/** Surfaces: hairlines instead of shadows. */

import type { ReactNode } from "react";

interface Props {
  children: ReactNode;
  className?: string;
  label?: string;
}

export function Card({ children, className = "", label }: Props) {
  const shape = `rounded-card border border-line bg-surface ${className}`;
  return label ? (
    <section aria-label={label} className={shape}>
      {children}
    </section>
  ) : (
    <div className={shape}>{children}</div>
  );
}

interface HeadProps {
  title: string;
  lead?: ReactNode;
  actions?: ReactNode;
  below?: ReactNode;
  /** The actions are few enough to stand beside the title on a phone too. */
  beside?: boolean;
}

/** A page's title row: what it is, its state, and what can be done. */
export function PageHead({ title, lead, actions, below, beside = false }: HeadProps) {
  return (
    <header className="mb-3.5">
      <div className="flex min-h-8 flex-wrap items-center gap-x-3 gap-y-2">
        <h1 className="min-w-0 break-words">{title}</h1>
        {lead}
        {actions ? (
          <div
            className={`flex flex-wrap gap-2 sm:ml-auto ${beside ? "ml-auto" : "max-sm:w-full"}`}
          >
            {actions}
          </div>
        ) : null}
      </div>
      {below ? <div className={actions ? "max-sm:mt-2" : ""}>{below}</div> : null}
    </header>
  );
}
