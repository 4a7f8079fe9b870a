/** Buttons: one accent per view, the rest quiet. */

import type { ButtonHTMLAttributes, ReactNode } from "react";

export type ButtonKind = "primary" | "plain" | "ghost" | "danger";

const KINDS: Record<ButtonKind, string> = {
  primary: "bg-accent text-on-accent border-transparent hover:opacity-90 disabled:opacity-60",
  plain: "bg-surface text-text border-line hover:border-line-strong disabled:text-muted",
  ghost: "border-transparent text-muted hover:bg-sunken hover:text-text",
  danger: "bg-surface text-failed-text border-line hover:border-failed disabled:text-muted",
};

const SIZES = { small: "h-6.5 px-2 text-small", normal: "h-7.5 px-3" };

export function buttonClass(
  kind: ButtonKind = "plain",
  size: keyof typeof SIZES = "normal",
): string {
  return `inline-flex items-center justify-center gap-1.5 rounded-control border font-[520] whitespace-nowrap select-none transition-[opacity,border-color,background-color] duration-100 ${KINDS[kind]} ${SIZES[size]}`;
}

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: ButtonKind;
  size?: keyof typeof SIZES;
}

export function Button({ kind, size, className = "", type = "button", ...rest }: Props) {
  return <button type={type} className={`${buttonClass(kind, size)} ${className}`} {...rest} />;
}

interface IconProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  label: string;
  children: ReactNode;
}

export function IconButton({ label, className = "", children, ...rest }: IconProps) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      className={`inline-flex size-7.5 shrink-0 items-center justify-center rounded-control text-muted hover:bg-sunken hover:text-text ${className}`}
      {...rest}
    >
      {children}
    </button>
  );
}
