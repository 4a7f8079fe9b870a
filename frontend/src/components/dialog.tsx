/** Dialogs: focus stays inside, Escape closes, and focus goes back where it came from. */

import { Dialog as Radix } from "radix-ui";
import { type ReactNode, useState } from "react";
import { t } from "@/strings";
import { Button } from "./button";
import { TextField } from "./field";

interface Props {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  description?: string;
  children: ReactNode;
  /** Wide enough for code. */
  wide?: boolean;
}

export function Dialog({ open, onOpenChange, title, description, children, wide = false }: Props) {
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-[var(--overlay)]" />
        <Radix.Content
          {...(description ? {} : { "aria-describedby": undefined })}
          className={`fixed top-[12vh] left-1/2 z-50 max-h-[80vh] w-[calc(100vw-28px)] -translate-x-1/2 overflow-y-auto rounded-card border border-line bg-surface p-4 shadow-pop ${wide ? "max-w-180" : "max-w-110"}`}
        >
          <Radix.Title className="text-[15px] font-[640]">{title}</Radix.Title>
          {description ? (
            <Radix.Description className="mt-1 text-muted">{description}</Radix.Description>
          ) : null}
          <div className="mt-3">{children}</div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

interface ButtonsProps {
  submit: string;
  danger?: boolean;
  disabled: boolean;
  onCancel: () => void;
}

/** The end of every form in a dialog. */
export function FormButtons({ submit, danger = false, disabled, onCancel }: ButtonsProps) {
  return (
    <div className="mt-4 flex justify-end gap-2">
      <Button onClick={onCancel}>{t.words.cancel}</Button>
      <Button kind={danger ? "danger" : "primary"} type="submit" disabled={disabled}>
        {submit}
      </Button>
    </div>
  );
}

interface ConfirmProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  why: string;
  verb: string;
  danger?: boolean;
  onConfirm: () => void;
}

export function ConfirmDialog({ open, onOpenChange, title, why, verb, ...rest }: ConfirmProps) {
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={title} description={why}>
      <div className="flex justify-end gap-2">
        <Button onClick={() => onOpenChange(false)}>{t.words.cancel}</Button>
        <Button
          kind={rest.danger ? "danger" : "primary"}
          onClick={() => {
            onOpenChange(false);
            rest.onConfirm();
          }}
        >
          {verb}
        </Button>
      </div>
    </Dialog>
  );
}

interface FormDialogProps {
  /** Null: closed. */
  title: string | null;
  description?: string;
  onClose: () => void;
  children: ReactNode;
}

/** A dialog around a form, made anew each time that it is opened. */
export function FormDialog({ title, description, onClose, children }: FormDialogProps) {
  return (
    <Dialog
      open={title !== null}
      onOpenChange={(open) => (open ? undefined : onClose())}
      title={title ?? ""}
      {...(description ? { description } : {})}
    >
      {title === null ? null : children}
    </Dialog>
  );
}

interface DeleteProps {
  name: string;
  open: boolean;
  onOpenChange: (open: boolean) => void;
  onConfirm: () => void;
}

/** Deleting asks for the name: a slip of the finger must not stop a model that others use. */
export function DeleteDialog({ name, open, onOpenChange, onConfirm }: DeleteProps) {
  const [typed, setTyped] = useState("");
  const change = (next: boolean) => {
    setTyped("");
    onOpenChange(next);
  };
  return (
    <Dialog
      open={open}
      onOpenChange={change}
      title={t.remove.title(name)}
      description={t.remove.what}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (typed !== name) return;
          change(false);
          onConfirm();
        }}
      >
        <TextField
          label={t.remove.type(name)}
          value={typed}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => setTyped(event.target.value)}
        />
        <FormButtons
          submit={t.verbs.delete}
          danger
          disabled={typed !== name}
          onCancel={() => change(false)}
        />
      </form>
    </Dialog>
  );
}
