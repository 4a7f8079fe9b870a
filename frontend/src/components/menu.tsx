/** Menus and popovers. */

import { DropdownMenu, Popover as RadixPopover } from "radix-ui";
import type { ReactNode } from "react";

export interface MenuItem {
  label: string;
  onSelect: () => void;
  danger?: boolean;
}

const PANEL = "z-50 rounded-[9px] border border-line bg-surface p-1 shadow-pop";

function MenuItems({ items }: { items: MenuItem[] }) {
  return items.map((item) => (
    <DropdownMenu.Item
      key={item.label}
      onSelect={item.onSelect}
      className={`cursor-pointer rounded-[6px] px-2 py-1 outline-none data-[highlighted]:bg-sunken ${item.danger ? "text-failed-text" : ""}`}
    >
      {item.label}
    </DropdownMenu.Item>
  ));
}

export function Menu({
  trigger,
  items,
  head,
}: {
  trigger: ReactNode;
  items: MenuItem[];
  head?: ReactNode;
}) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content align="end" sideOffset={4} className={`min-w-40 ${PANEL}`}>
          {head ? (
            <DropdownMenu.Label className="border-b border-line px-2 pt-1 pb-1.5 mb-1 text-small text-muted">
              {head}
            </DropdownMenu.Label>
          ) : null}
          <MenuItems items={items} />
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

/**
 * A menu below an element that is not its trigger: one menu serves all rows of a long list, since a
 * menu in every row would make scrolling slow.
 */
export function MenuBelow({
  anchor,
  items,
  onClose,
}: {
  anchor: HTMLElement;
  items: MenuItem[];
  onClose: () => void;
}) {
  const { right, bottom } = anchor.getBoundingClientRect();
  return (
    <DropdownMenu.Root open modal={false} onOpenChange={(open) => open || onClose()}>
      <DropdownMenu.Trigger asChild>
        <span
          aria-hidden="true"
          tabIndex={-1}
          className="fixed size-0"
          style={{ left: right, top: bottom }}
        />
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align="end"
          sideOffset={4}
          aria-label={anchor.getAttribute("aria-label") ?? undefined}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            anchor.focus();
          }}
          className={`min-w-40 ${PANEL}`}
        >
          <MenuItems items={items} />
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

interface PopoverProps {
  trigger: ReactNode;
  label: string;
  children: ReactNode;
}

export function Popover({ trigger, label, children }: PopoverProps) {
  return (
    <RadixPopover.Root>
      <RadixPopover.Trigger asChild>{trigger}</RadixPopover.Trigger>
      <RadixPopover.Portal>
        <RadixPopover.Content
          align="end"
          sideOffset={6}
          aria-label={label}
          className={`w-[min(380px,calc(100vw-20px))] ${PANEL}`}
        >
          {children}
        </RadixPopover.Content>
      </RadixPopover.Portal>
    </RadixPopover.Root>
  );
}
